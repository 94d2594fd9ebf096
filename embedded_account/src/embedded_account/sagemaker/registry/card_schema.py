"""What the content of a model card must look like: its members, their kinds and their sizes.

Source: SageMaker developer guide, "Model card JSON schema"; CloudFormation's AWS::SageMaker::ModelCard has its limits.
"""

import json
from functools import cache
from typing import Any

Schema = dict[str, Any]


def problem(content: str) -> str:
    """Return what is wrong with the content of a card, with the place, or ""."""
    try:
        document = json.loads(content)
    except ValueError as error:
        return f"it is no JSON: {error}"
    first = next(_validator().iter_errors(document), None)
    return "" if first is None else f"{first.json_path}: {first.message}"


@cache
def _validator() -> Any:
    from jsonschema import Draft7Validator  # takes 0.1 s, which most accounts need not wait for

    return Draft7Validator(SCHEMA)


def _text(most: int) -> Schema:
    return {"type": "string", "maxLength": most}


def _name(most: int = 255) -> Schema:
    return {"type": "string", "pattern": f"^.{{1,{most}}}$"}


def _list(items: Schema, most: int | None = None, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least} | ({} if most is None else {"maxItems": most})


def _object(members: dict[str, Schema], *required: str) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": members, "required": list(required)}


def _texts(*names: str, most: int = 2048) -> dict[str, Schema]:
    return dict.fromkeys(names, _text(most))


def _metric(kinds: list[str], value: Schema, x_axis: Schema, y_axis: Schema) -> Schema:
    members = {"name": _name(), "notes": _text(1024), "type": {"enum": kinds}, "value": value}
    return _object(members | {"x_axis_name": x_axis, "y_axis_name": y_axis}, "name", "type", "value")


_DETAILS: Schema = {
    "type": "object",
    "additionalProperties": False,
    "patternProperties": {"[a-zA-Z_][a-zA-Z0-9_]*": _text(1024)},
}
_IMAGES = _object({"container_image": _list(_text(1024), 15)})
_POINT: Schema = {"type": ["number", "string"]}
_AXIS, _AXES = _text(63), _list(_text(63))
_METRICS = [
    _metric(["number", "string", "boolean"], {"type": ["number", "string", "boolean"], "maxLength": 63}, _AXIS, _AXIS),
    _metric(["linear_graph"], _list(_list(_POINT, 2, 2), least=1), _AXIS, _AXIS),
    _metric(["bar_chart"], _list(_POINT, least=1), _AXES, _AXIS),
    _metric(["matrix"], _list(_list(_POINT, 20, 1), 20, 1), _AXES, _AXES),
]
_OVERVIEW = _object(
    {
        **_texts("model_id", "model_name", "model_description", "problem_type", "algorithm_type", most=1024),
        **_texts("model_creator", "model_owner", most=1024),
        "model_version": {"type": "number", "minimum": 1},
        "model_artifact": _list(_text(1024), 15),
        "inference_environment": _IMAGES,
    }
)
_PACKAGE = _object(
    {
        "model_package_arn": {"type": "string", "minLength": 1, "maxLength": 2048},
        "model_package_group_name": _name(63),
        "model_package_name": _name(63),
        "model_package_description": _text(1024),
        "model_package_version": {"type": "number", "minimum": 1},
        "model_package_status": {"enum": ["Pending", "InProgress", "Completed", "Failed", "Deleting"]},
        "model_approval_status": {"enum": ["Approved", "Rejected", "PendingManualApproval"]},
        "approval_description": _text(1024),
        "domain": {"type": "string"},
        "task": {"type": "string"},
        "created_by": _object({"user_profile_name": _text(63)}),
        "source_algorithms": _list(
            _object({"algorithm_name": _text(170), "model_data_url": _text(1024)}, "algorithm_name"), 1, 1
        ),
        "inference_specification": _object(
            {
                "containers": _list(
                    _object(
                        {
                            "image": _text(255),
                            "model_data_url": _text(1024),
                            "nearest_model_name": {"type": "string"},
                        },
                        "image",
                    ),
                    15,
                    1,
                )
            },
            "containers",
        ),
    }
)
_USES = _object(
    {
        **_texts("purpose_of_model", "intended_uses", "factors_affecting_model_efficiency"),
        **_texts("explanations_for_risk_rating"),
        "risk_rating": {"enum": ["High", "Medium", "Low", "Unknown"]},
    }
)
_FUNCTION = _object(
    {"function": {"enum": ["Maximize", "Minimize"]}, "facet": _text(63), "condition": _text(63)},
)
_MEASURED = _object({"name": _name(), "notes": _text(1024), "value": {"type": "number"}}, "name", "value")
_GIVEN = _object({"name": _name(), "value": _name()}, "name", "value")
_TRAINING = _object(
    {
        "objective_function": _object({"function": _FUNCTION, "notes": _text(1024)}),
        "training_observations": _text(1024),
        "training_job_details": _object(
            {
                "training_arn": _text(1024),
                "training_datasets": _list(_text(1024), 15),
                "training_environment": _IMAGES,
                "training_metrics": _list(_MEASURED, 50),
                "user_provided_training_metrics": _list(_MEASURED, 50),
                "hyper_parameters": _list(_GIVEN, 100),
                "user_provided_hyper_parameters": _list(_GIVEN, 100),
            }
        ),
    }
)
_EVALUATION = _object(
    {
        "name": _name(63),
        "evaluation_observation": _text(2096),
        "evaluation_job_arn": _text(256),
        "datasets": _list(_text(1024), 10),
        "metadata": _DETAILS,
        "metric_groups": _list(
            _object({"name": _name(63), "metric_data": _list({"anyOf": _METRICS})}, "name", "metric_data")
        ),
    },
    "name",
)
SCHEMA = _object(
    {
        "model_overview": _OVERVIEW,
        "model_package_details": _PACKAGE,
        "intended_uses": _USES,
        "business_details": _object(_texts("business_problem", "business_stakeholders", "line_of_business")),
        "training_details": _TRAINING,
        "evaluation_details": _list(_EVALUATION),
        "additional_information": _object(
            {
                **_texts("ethical_considerations", "caveats_and_recommendations"),
                "custom_details": _DETAILS,
            }
        ),
    }
)
