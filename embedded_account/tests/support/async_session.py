"""A session with the SageMaker SDK and an asynchronous endpoint; prints the answers as one JSON list.

Run as a program, with the endpoint's name and a bucket, so that the SDK meets the account as it meets AWS.
"""

import json
import sys

import boto3
import sagemaker
from sagemaker.async_inference import WaiterConfig
from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import IdentitySerializer


def main(endpoint_name: str, bucket: str) -> list[object]:
    """Return what who waits gets, and who comes back for it."""
    session = sagemaker.Session(boto_session=boto3.Session(), default_bucket=bucket)
    plain = Predictor(endpoint_name, session, IdentitySerializer("image/jpeg"), JSONDeserializer())
    predictor, patience = AsyncPredictor(plain), WaiterConfig(max_attempts=60, delay=1)
    waited = predictor.predict(b"four", waiter_config=patience)
    return [waited, predictor.predict_async(b"four").get_result(patience)]


if __name__ == "__main__":
    stdout, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(main(sys.argv[1], sys.argv[2])), file=stdout)
