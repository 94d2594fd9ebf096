"""A network of each family that --model-name takes."""

ONE_OF_EACH_FAMILY = (
    "resnet18",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
    "regnet_y_400mf",
    "efficientnet_lite0",
)
