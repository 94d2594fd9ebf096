"""A plain fine-tuning script with timm and Lightning: python finetune_lightning.py DATA TENSORS SCRATCH EPOCHS.

Every layer is trained, by AdamW with a cosine schedule, on random crops and flips; the epoch with the best validation
accuracy is scored on test/. One JSON line on stdout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lightning  # type: ignore[import-not-found, unused-ignore]  # in the peer's environment alone
import timm  # type: ignore[import-not-found, unused-ignore]
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms  # type: ignore[import-untyped, unused-ignore]
from torchvision.datasets import ImageFolder  # type: ignore[import-untyped, unused-ignore]

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))

from bench.peers.start_weights import ARCHITECTURE, write_start  # noqa: E402

BATCH_SIZE, LEARNING_RATE, VALIDATION_SHARE = 32, 5e-4, 0.15
NORMALISE = transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
VARIED = [transforms.RandomResizedCrop(224, scale=(0.35, 1.0)), transforms.RandomHorizontalFlip()]
PLAIN = [transforms.Resize(256), transforms.CenterCrop(224)]


class Classifier(lightning.LightningModule):  # type: ignore[misc, unused-ignore]
    """The network, its loss and its optimiser."""

    def __init__(self, network: nn.Module, num_steps: int) -> None:
        super().__init__()
        self.network, self.num_steps = network, num_steps

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss of one batch."""
        images, labels = batch
        return nn.functional.cross_entropy(self.network(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int) -> None:
        """Add one batch to the accuracy."""
        images, labels = batch
        right = (self.network(images).argmax(dim=1) == labels).float().mean()
        self.log("accuracy", right, on_epoch=True, batch_size=len(labels))

    test_step = validation_step

    def configure_optimizers(self) -> Any:
        """Return AdamW and its cosine schedule by step."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.num_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def main(data: Path, tensors: Path, scratch: Path, epochs: int) -> None:
    """Train, and print the accuracy on test/."""
    lightning.seed_everything(0)
    varied = ImageFolder(data / "train", transforms.Compose([*VARIED, transforms.ToTensor(), NORMALISE]))
    plain, test = (
        ImageFolder(data / split, transforms.Compose([*PLAIN, transforms.ToTensor(), NORMALISE]))
        for split in ("train", "test")
    )
    kept = round(len(varied) * VALIDATION_SHARE)
    order = torch.randperm(len(varied)).tolist()
    train = DataLoader(torch.utils.data.Subset(varied, order[kept:]), BATCH_SIZE, shuffle=True)
    validation = DataLoader(torch.utils.data.Subset(plain, order[:kept]), BATCH_SIZE)
    network = timm.create_model(ARCHITECTURE, num_classes=0)
    network.load_state_dict(torch.load(write_start(tensors, scratch / "start") / "pytorch_model.bin"))
    network.reset_classifier(len(varied.classes))
    best = lightning.pytorch.callbacks.ModelCheckpoint(scratch, monitor="accuracy", mode="max")
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(accelerator="cpu", max_epochs=epochs, callbacks=[best], **quiet)
    trainer.fit(Classifier(network, epochs * len(train)), train, validation)
    scores = trainer.test(dataloaders=DataLoader(test, BATCH_SIZE), ckpt_path="best", verbose=False)
    print(json.dumps({"accuracy": scores[0]["accuracy"]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
