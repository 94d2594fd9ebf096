"""What training leaves to be deployed: model packages in their groups, models, and the cards that tell of them."""
