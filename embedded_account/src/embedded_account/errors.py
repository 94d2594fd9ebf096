"""The one exception by which a service of the embedded account answers a caller with an AWS error."""

from moto.core.exceptions import ServiceException


class ServiceError(ServiceException):
    """Answers the caller's request with the AWS error `code` in the service's own protocol.

    Defined here and not taken from moto.core, whose serializer looks the service up by the module of the exception.
    The HTTP status is the one that the service's model gives the code; 400 where the model does not know it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.Type = "User"  # in the models that have it, as Lambda's: the caller is at fault
