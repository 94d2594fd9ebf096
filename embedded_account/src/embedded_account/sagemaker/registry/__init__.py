"""What training leaves to be deployed: model packages in their groups, and models."""
