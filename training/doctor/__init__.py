"""What is wrong with the pictures of a dataset, found before anything is trained on them."""
