"""What can be wrong with a template, a parameter or a property, in CloudFormation's words where it has some."""


class TemplateError(Exception):
    """The template or a parameter is not valid; CloudFormation answers it with ValidationError."""


class UnsupportedError(TemplateError):
    """The template is valid on AWS and asks for something that the embedded account does not carry out."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: the embedded account does not carry this out; see docs/local.md")


class PropertyError(TemplateError):
    """A property has a value of the wrong form, or is not known."""


class ResourceError(Exception):
    """A resource could not be created, updated or deleted."""
