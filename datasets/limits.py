"""What counts as an image file, how large a network sees it, and how much of anything is read."""

CONTENT_TYPES = {  # of image files, by their suffix
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".heif": "image/heif",
}
IMAGE_SUFFIXES = tuple(CONTENT_TYPES)
# Side of what a network sees. Networks of torchvision halve it five times: below 32 their last layers see less than a
# pixel, and trainings from scratch were seen to break down at random.
MIN_IMAGE_SIDE, MAX_IMAGE_SIDE = 32, 1024
MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_NAME_BYTES = 100  # of a dataset
MAX_PATH_BYTES = 850  # S3 takes keys of 1,024, and a staged archive's begin with its name and fingerprint
MAX_FILES = 1_500_000  # of a dataset's folder: so many are listed within start_execution's time limit
