"""What counts as an image file, and how much of anything is read."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_PATH_BYTES = 900  # S3 takes keys of 1,024, and a staged archive's begin with its name and fingerprint
