"""Ask the prediction Lambda with boto3.

    python examples/predict.py FUNCTION PICTURE

FUNCTION is the alias' ARN (PredictAliasArn in the stack's outputs); PICTURE is a file, an https:// or an s3:// address.
"""

import base64
import json
import sys
import uuid
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# One try may take as long as the function's own waits. Lambda's 429 comes before the function runs, so trying it again
# costs the endpoint nothing; botocore waits in between.
CONFIG = Config(connect_timeout=2, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})


def event(picture: str) -> dict[str, object]:
    """Return what the function takes: an address, or the file's bytes in base64."""
    if picture.startswith("https://"):
        return {"url": picture, "top_k": 3}
    if picture.startswith("s3://"):
        return {"s3_uri": picture, "top_k": 3}
    return {"image": base64.b64encode(Path(picture).read_bytes()).decode(), "top_k": 3}


def main(function: str, picture: str) -> None:
    """Print the three most probable classes."""
    context = json.dumps({"custom": {"correlation_id": f"example-{uuid.uuid4()}"}})
    response = boto3.client("lambda", config=CONFIG).invoke(
        FunctionName=function,
        Payload=json.dumps(event(picture)),
        ClientContext=base64.b64encode(context.encode()).decode(),
    )
    answer = json.load(response["Payload"])
    if response.get("FunctionError"):
        raise SystemExit(f"the function failed: {answer.get('errorMessage')}")
    body = json.loads(answer["body"])
    if answer["statusCode"] != 200:
        retry = answer["headers"].get("Retry-After")
        raise SystemExit(f"{answer['statusCode']} {body['message']}" + (f" (try again in {retry} s)" if retry else ""))
    for prediction in body["predictions"]:
        print(f"{prediction['class_name']}\t{prediction['probability']:.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        main(*sys.argv[1:])
    except (BotoCoreError, ClientError, OSError) as error:  # no credentials, no such function, a 429, no such file
        sys.exit(str(error))
