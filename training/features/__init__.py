"""What a frozen backbone gives for each image: computed once, kept in a folder, trained on."""
