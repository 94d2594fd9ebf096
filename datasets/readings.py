"""How a tree is read, once that is decided: which folder is a class, of which split."""

from dataclasses import dataclass, field

from datasets.names import SPLIT_NAMES, class_of, is_container, split_of


@dataclass(frozen=True)
class Reading:
    """Images are FILE in `top` + CLASS/FILE, or in one of `splits` + CLASS/FILE; a class may have a folder images/."""

    top: str = ""  # the folders round everything, with "/" at its end, or ""
    splits: dict[str, str] = field(default_factory=dict)  # folder, below `top` and with "/" at its end -> split
    is_inverted: bool = False  # CLASS/SPLIT/FILE
    remarks: tuple[str, ...] = ()  # what could have been read otherwise, and how to say so

    def class_folder(self, folder: str) -> tuple[str, str] | None:
        """Return split ("" without splits) and class of a folder, or None where it is no class folder."""
        below = f"{folder}/"
        if not below.startswith(self.top):
            return None
        below = below.removeprefix(self.top).removesuffix("/")
        if self.is_inverted:
            name, _, inner = below.partition("/")
            return (split_of(inner), class_of(name)) if inner and split_of(inner) else None
        for prefix, split in (self.splits or {"": ""}).items():
            name, _, inner = below.removeprefix(prefix).partition("/")
            if below.startswith(prefix) and name and (not inner or ("/" not in inner and is_container(inner))):
                return split, class_of(name)
        return None

    def why_not(self, folder: str) -> str:
        """Return why an image in `folder`, which is no class folder, has no class."""
        if not f"{folder}/".startswith(self.top):
            return f"not inside {self.top}, where the classes are"
        below = f"{folder}/".removeprefix(self.top)
        first = below.split("/", 1)[0]
        if self.splits and not split_of(first) and first not in {prefix.split("/", 1)[0] for prefix in self.splits}:
            return f"not inside one of {', '.join(SPLIT_NAMES)}"
        depth = max((p.count("/") for p in self.splits if below.startswith(p)), default=0)
        return "deeper than a class folder" if below.strip("/").count("/") >= depth + 1 else "not inside a class folder"
