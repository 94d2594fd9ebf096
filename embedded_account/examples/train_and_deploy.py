"""The SageMaker Python SDK from fit to predict, on AWS or in an embedded account: nothing here knows which.

embedded-account start
eval "$(embedded-account status --export)"
python train_and_deploy.py
"""

import json
import tempfile
import uuid
from pathlib import Path

import boto3
from sagemaker.deserializers import JSONDeserializer
from sagemaker.pytorch import PyTorch
from sagemaker.serializers import JSONSerializer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner

TRAIN = """
import argparse, os, torch

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
lr = parser.parse_args().lr
x = torch.linspace(-1, 1, 64)
weight = torch.zeros(1, requires_grad=True)
for _ in range(100):
    loss = ((weight * x - 3 * x) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        weight -= lr * weight.grad
        weight.grad = None
print(f"loss={loss.item():.6f}")
torch.save(weight, os.path.join(os.environ["SM_MODEL_DIR"], "weight.pt"))
"""
INFERENCE = """
import os, torch

def model_fn(model_dir):
    return torch.load(os.path.join(model_dir, "weight.pt"))

def predict_fn(data, weight):
    return (weight * torch.as_tensor(data, dtype=torch.float32)).detach()
"""
LOSS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
VERSIONS = {"framework_version": "2.6", "py_version": "py312"}


def main() -> None:
    """Train y = 3x, tune its learning rate, deploy the best model, ask it, and take all of it down."""
    role = make_role()
    with tempfile.TemporaryDirectory() as source:
        (Path(source) / "train.py").write_text(TRAIN)
        (Path(source) / "inference.py").write_text(INFERENCE)
        estimator = PyTorch(
            entry_point="train.py",
            source_dir=source,
            role=role,
            instance_count=1,
            instance_type="ml.m5.large",
            metric_definitions=LOSS,
            disable_profiler=True,
            **VERSIONS,
        )
        estimator.fit()
        tuner = HyperparameterTuner(
            estimator,
            "loss",
            {"lr": ContinuousParameter(0.05, 0.5)},
            LOSS,
            objective_type="Minimize",
            max_jobs=2,
            max_parallel_jobs=2,
        )
        tuner.fit()
        predictor = tuner.best_estimator().deploy(
            1, "ml.m5.large", entry_point="inference.py", source_dir=source,
            serializer=JSONSerializer(), deserializer=JSONDeserializer(),
        )  # fmt: skip
    answer = predictor.predict([1.0, 2.0])
    predictor.delete_model()
    predictor.delete_endpoint()
    print(json.dumps({"best": tuner.best_training_job(), "answer": answer}))


def make_role() -> str:
    """Return the ARN of a role that SageMaker may assume; use one of yours instead."""
    principal = {"Service": "sagemaker.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam, name = boto3.client("iam"), f"sagemaker-{uuid.uuid4().hex[:8]}"
    document = {"Version": "2012-10-17"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({**document, "Statement": [trust]}))
    policy = json.dumps({**document, "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
    return str(role["Role"]["Arn"])


if __name__ == "__main__":
    main()
