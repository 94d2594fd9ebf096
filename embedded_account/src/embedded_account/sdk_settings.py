"""The settings file of the SageMaker Python SDK: without one it asks the real AWS, at addresses that it makes itself.

To name its default bucket the SDK asks https://sts.REGION.amazonaws.com for the account's number, whatever the
endpoint, and each of its calls is told to AWS. Source: SageMaker Python SDK, "Configuring and using defaults".
"""

from pathlib import Path

VARIABLE = "SAGEMAKER_USER_CONFIG_OVERRIDE"
_NAME = "sagemaker-sdk.yaml"
_TEXT = """\
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: sagemaker-{region}-{account_id}
"""


def write(folder: Path, region: str, account_id: str) -> Path:
    """Write the settings to the account's folder; return the file."""
    path = folder / _NAME
    path.write_text(_TEXT.format(region=region, account_id=account_id))
    return path
