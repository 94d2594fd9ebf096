"""The macro AWS::Serverless-2016-10-31, carried out by AWS's own translator as CloudFormation does on the server."""

import copy
import logging
from collections.abc import Mapping
from typing import Any

from embedded_account.cloudformation.documents import SAM_TRANSFORM, transforms
from embedded_account.cloudformation.errors import TemplateError, UnsupportedError
from embedded_account.data_files import new_session
from embedded_account.iam import aws_policies


def transform(document: dict[str, Any], parameters: Mapping[str, str], region: str) -> dict[str, Any]:
    """Return `document` with its macros carried out; it is left as it is.

    Raises:
        TemplateError: the template is not valid SAM; the words are the translator's.
        UnsupportedError: it asks for another macro.
    """
    names = transforms(document)
    for name in names:
        if name != SAM_TRANSFORM:
            raise UnsupportedError(f"the transform {name!r}")
    if not names:
        return document
    processed = _translate(copy.deepcopy(document), dict(parameters), region)
    processed.pop("Transform", None)
    return processed


def _translate(document: dict[str, Any], parameters: dict[str, str], region: str) -> dict[str, Any]:
    # Imported here: it takes a third of a second, and only a deployment needs it.
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of metrics that it did not send to AWS
    translator = Translator(None, Parser(), boto_session=new_session(region))
    try:
        processed: dict[str, Any] = translator.translate(document, parameters, get_managed_policy_map=aws_policies.arns)
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise TemplateError(f"Transform {SAM_TRANSFORM} failed with: {error.message} {causes}") from error
    return processed
