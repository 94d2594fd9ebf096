"""What counts as an image file, how large a network sees it, and how much of anything is read."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")
# Side of what a network sees. Networks of torchvision halve it five times: below 32 their last layers see less than a
# pixel, and trainings from scratch were seen to break down at random.
MIN_IMAGE_SIDE, MAX_IMAGE_SIDE = 32, 1024
MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_NAME_BYTES = 100  # of a dataset
MAX_PATH_BYTES = 850  # S3 takes keys of 1,024, and a staged archive's begin with its name and fingerprint
