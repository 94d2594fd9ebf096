"""The champion: the model that serves while another is trained, which the final training job scores beside its own."""

from dataclasses import dataclass
from typing import Any

from handlers import aws
from handlers.aws.objects import level, split_uri
from handlers.contract.errors import AwsError
from handlers.contract.settings import Settings
from handlers.executions.redeployments import serving_config
from handlers.ledger import Ledger
from handlers.training_jobs.jobs import channel, toolkit_value

_ARTIFACT = "/model.tar.gz"


@dataclass(frozen=True)
class Champion:
    """What serves, by the name of its endpoint config, and where its training job's output is, or why it is not."""

    name: str = ""  # "" where no model serves
    output_s3_uri: str = ""
    problem: str = ""

    def channels(self) -> list[dict[str, Any]]:
        """Return the channel that hands artifact and record to the training job; none where there is nothing."""
        return [channel("champion", "S3Prefix", self.output_s3_uri)] if self.output_s3_uri else []

    def hyperparameters(self) -> dict[str, str]:
        """Return what the training job records with its evaluation, for the gate."""
        values = {"champion_name": self.name, "champion_problem": self.problem}
        return {name: toolkit_value(value) for name, value in values.items() if value}


NO_CHAMPION = Champion()


def champion(ledger: Ledger, settings: Settings) -> Champion:
    """Return the model that the stack's endpoint serves; one that is not to be had has a problem, and is no failure."""
    name = serving_config(ledger, settings)
    if not name:
        return NO_CHAMPION
    try:
        artifact = _artifact(name)
    except AwsError as error:
        if not aws.is_missing(error):
            raise
        return Champion(name, problem="its endpoint config or model was deleted")
    if not (artifact.startswith(f"s3://{settings.bucket_name}/runs/") and artifact.endswith(_ARTIFACT)):
        return Champion(name, problem=f"its artifact {artifact!r} is none of this stack's training jobs")
    bucket, key = split_uri(artifact)
    if key not in [one.key for one in level(bucket, key, 1)[0]]:
        return Champion(name, problem=f"its artifact {artifact} is gone")
    return Champion(name, artifact.removesuffix(_ARTIFACT[1:]))


def _artifact(config_name: str) -> str:
    """Return the URI of the artifact that an endpoint config's model is loaded from, "" where it names none."""
    client = aws.sagemaker()
    variants = client.describe_endpoint_config(EndpointConfigName=config_name)["ProductionVariants"]
    model = client.describe_model(ModelName=variants[0].get("ModelName", ""))
    return str(model.get("PrimaryContainer", {}).get("ModelDataUrl", ""))
