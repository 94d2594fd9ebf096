"""What can be wrong with a template, a parameter or a property, in CloudFormation's words where it has some."""

from embedded_account.wiring.refusals import not_carried_out


class TemplateError(Exception):
    """The template or a parameter is not valid; CloudFormation answers it with ValidationError."""


class UnsupportedError(TemplateError):
    """The template is valid on AWS and asks for something that the embedded account does not carry out."""

    def __init__(self, what: str) -> None:
        super().__init__(not_carried_out(what).message)


class MissingExportError(TemplateError):
    """The template imports what no stack exports."""


class PropertyError(TemplateError):
    """A property has a value of the wrong form, or is not known."""


class ResourceError(Exception):
    """A resource could not be created, updated or deleted."""
