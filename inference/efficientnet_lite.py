"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation, with ReLU6 and a fixed stem and head.

torchvision lacks it. It was made for processors without an accelerator, keeps its accuracy in int8, and its published
ImageNet weights come as a package, so they need no download by a job.

Source: tensorflow/tpu, models/official/efficientnet/lite, and "Higher accuracy on vision models with
EfficientNet-Lite" (TensorFlow's blog, 2020).
"""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn

NUM_FEATURES = 1280
_STEM_CHANNELS = 32


class _Stage(NamedTuple):
    """Blocks that follow one another; the first of them has the stride, and changes the number of channels."""

    num_blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
    """The network, its parts named as torchvision names those of its EfficientNets."""

    def __init__(self, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(3, _STEM_CHANNELS, kernel=3, stride=2),
            *_stages(),
            _convolution(_STAGES[-1].channels, NUM_FEATURES, kernel=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(NUM_FEATURES, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, num_classes) of normalised float `images` (B, 3, H, W)."""
        logits: Tensor = self.classifier(self.avgpool(self.features(images)).flatten(1))
        return logits


class InvertedResidual(nn.Module):
    """Expand, convolve each channel alone, project; what came in is added where it has the shape for that."""

    def __init__(self, channels_in: int, channels_out: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        width = channels_in * stage.expansion
        expand = [_convolution(channels_in, width, kernel=1)] if stage.expansion > 1 else []
        depthwise = _convolution(width, width, stage.kernel, stride, groups=width)
        project = (nn.Conv2d(width, channels_out, 1, bias=False), _normalisation(channels_out))
        self.layers = nn.Sequential(*expand, depthwise, *project)
        self.adds = stride == 1 and channels_in == channels_out

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, channels_out, H / stride, W / stride) of (B, channels_in, H, W)."""
        result: Tensor = self.layers(images)
        return images + result if self.adds else result


def _stages() -> Iterator[nn.Sequential]:
    channels = _STEM_CHANNELS
    for stage in _STAGES:
        blocks = [InvertedResidual(channels, stage.channels, stage, stage.stride)]
        blocks += [InvertedResidual(stage.channels, stage.channels, stage, 1) for _ in range(stage.num_blocks - 1)]
        channels = stage.channels
        yield nn.Sequential(*blocks)


def _convolution(channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return convolution, normalisation and ReLU6, padded as TensorFlow pads even sides: less at the left and top."""
    pad = (kernel - stride) // 2, (kernel - stride + 1) // 2
    padding: list[nn.Module] = [nn.ZeroPad2d((*pad, *pad))] if pad[0] != pad[1] else []
    inside = 0 if padding else pad[0]
    return nn.Sequential(
        *padding,
        nn.Conv2d(channels_in, channels_out, kernel, stride, inside, groups=groups, bias=False),
        _normalisation(channels_out),
        nn.ReLU6(),
    )


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
