"""Model cards: what is said of a model, in versions that stay, and how far it was approved."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.registry.card_schema import problem
from embedded_account.sagemaker.shared.consistency import Consistency
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.shared.tags import Tags
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_NEVER_LISTED = ("Content", "CreatedBy")


class ModelCards:
    """Keeps the model cards of an account; of each, all versions, the newest last."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tags = account.singleton(Tags)
        self._consistency = account.singleton(Consistency)
        self._lock = Lock()
        self._cards: dict[str, list[dict[str, Any]]] = {}
        account.persist_members("model-cards", self, "_cards")

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateModelCard": self.create,
            "DescribeModelCard": self.describe,
            "UpdateModelCard": self.update,
            "ListModelCards": self.page,
            "ListModelCardVersions": self.page_of_versions,
            "DeleteModelCard": self.delete,
        }

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make the first version of a card, whose content must fit the schema and whose name must be free."""
        refuse("CreateModelCard", params, {"ModelCardName", "Content", "ModelCardStatus", "Tags"})
        _check(params["Content"])
        name, now = params["ModelCardName"], self._account.clock.now()
        card_arn = arn(self._account, "model-card", name)
        card = {key: params[key] for key in ("ModelCardName", "Content", "ModelCardStatus")} | {
            "ModelCardArn": card_arn,
            "ModelCardVersion": 1,
            "CreationTime": now,
            "CreatedBy": {},
            "LastModifiedTime": now,
        }
        with self._lock:
            if name in self._cards:
                raise ServiceError("ConflictException", f"Modelcard {card_arn} already exists")
            self._cards[name] = [card]
        self._tags.announce(card_arn, params.get("Tags"))
        self._consistency.made(card_arn)
        return {"ModelCardArn": card_arn}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a version of a card, the newest where none is named."""
        refuse("DescribeModelCard", params, {"ModelCardName", "ModelCardVersion"})
        versions = self._versions(params["ModelCardName"])
        if self._consistency.misses(versions[-1]["ModelCardArn"]):
            raise self._missing(params["ModelCardName"])
        wanted = params.get("ModelCardVersion") or versions[-1]["ModelCardVersion"]
        version = next((card for card in versions if card["ModelCardVersion"] == wanted), None)
        if version is None:
            raise self._missing(f"{params['ModelCardName']} version {wanted}")
        return version

    def update(self, params: dict[str, Any]) -> dict[str, Any]:
        """Change the status, or make a new version with another content; an archived card takes no content.

        Source: SageMaker API reference, UpdateModelCard; developer guide, "Amazon SageMaker Model Cards": any edit but
        that of the status makes a version.
        """
        if ("Content" in params) == ("ModelCardStatus" in params):
            raise validation_error(
                "UpdateModelCard takes either Content or ModelCardStatus; you cannot update both in a single call"
            )
        with self._lock:
            versions = self._versions(params["ModelCardName"])
            newest = versions[-1]
            if "Content" in params:
                if newest["ModelCardStatus"] == "Archived":
                    raise validation_error("Model Card is in Archived state")
                _check(params["Content"])
                newest = newest | {"Content": params["Content"], "ModelCardVersion": newest["ModelCardVersion"] + 1}
                versions.append(newest)
            else:
                newest["ModelCardStatus"] = params["ModelCardStatus"]
            newest["LastModifiedTime"] = self._account.clock.now()
        return {"ModelCardArn": newest["ModelCardArn"]}

    def page(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the cards that the filters leave, each by its newest version."""
        newest = self._consistency.listed([_summary(versions[-1]) for versions in self._all()], "ModelCardArn")
        for card in newest:
            del card["ModelCardVersion"]
        return page(self._select(newest, params), params, "ModelCardSummaries")

    def page_of_versions(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the versions of a card, the newest first unless another order is asked for."""
        summaries = [_summary(card) for card in self._versions(params["ModelCardName"])]
        if params.get("SortOrder", "Descending") == "Descending":
            summaries.reverse()
        kept = {id(one) for one in self._select(summaries, params)}
        return page([one for one in summaries if id(one) in kept], params, "ModelCardVersionSummaryList")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a card with all its versions."""
        with self._lock:
            card = self._versions(params["ModelCardName"])[-1]
            del self._cards[card["ModelCardName"]]
        self._tags.forget(card["ModelCardArn"])
        return {}

    @staticmethod
    def _select(summaries: list[dict[str, Any]], params: dict[str, Any]) -> list[dict[str, Any]]:
        chosen = params | {"StatusEquals": params.get("ModelCardStatus")}
        kept: list[dict[str, Any]] = select(summaries, chosen, name_key="ModelCardName", status_key="ModelCardStatus")
        return kept

    def _all(self) -> list[list[dict[str, Any]]]:
        with self._lock:
            return list(self._cards.values())

    def _versions(self, name_or_arn: str) -> list[dict[str, Any]]:
        """Return the versions of a card; a name in an ARN is in lower case."""
        name = name_or_arn.rpartition("/")[2]
        versions = self._cards.get(name) or next(
            (one for key, one in self._cards.items() if key.lower() == name.lower() and name != name_or_arn), None
        )
        if versions is None:
            raise self._missing(name_or_arn)
        return versions

    def _missing(self, name_or_arn: str) -> ServiceError:
        return ServiceError("ResourceNotFound", f"Modelcard {name_or_arn.rpartition('/')[2]} does not exist.")


def _summary(card: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in card.items() if key not in _NEVER_LISTED}


def _check(content: str) -> None:
    if wrong := problem(content):
        raise validation_error(f"Model card content does not fit the model card JSON schema: {wrong}")
