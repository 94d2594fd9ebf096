"""State machines in JSONata: their expressions, their variables, and what they say when one fails.

Source: Step Functions developer guide, "Transforming data with JSONata in Step Functions" and "Passing data between
states with variables".
"""

import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.stepfunctions.moto_jsonata import declarations, evaluate
from hypothesis import given
from hypothesis import strategies as st
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException
from support.waiting import eventually

_ROLE = "arn:aws:iam::123456789012:role/pipeline"


def _made(account: RunningAccount, states: dict[str, Any]) -> str:
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    machine = account.client("stepfunctions").create_state_machine(
        name=f"machine-{uuid.uuid4().hex[:12]}", definition=json.dumps(definition), roleArn=_ROLE
    )
    return str(machine["stateMachineArn"])


def _ended(account: RunningAccount, states: dict[str, Any], given: Any) -> dict[str, Any]:
    sfn = account.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=_made(account, states), input=json.dumps(given))["executionArn"]

    def ended() -> dict[str, Any]:
        execution: dict[str, Any] = sfn.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else {}

    return eventually(ended, 15, "the end of the execution")


def _output(account: RunningAccount, states: dict[str, Any], given: Any) -> Any:
    execution = _ended(account, states, given)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def test_a_pass_state_makes_its_output(account: RunningAccount) -> None:
    """Input and context are read, numbers stay whole, and what is no expression is taken as it is."""
    output = {
        "twice": "{% $states.input.n * 2 %}",
        "name": "{% $states.context.Execution.Name %}",
        "kept": "{ % no expression %}",
    }

    made = _output(account, {"Only": {"Type": "Pass", "Output": output, "End": True}}, {"n": 4})

    assert (made["twice"], made["kept"]) == (8, "{ % no expression %}")
    assert made["name"]


def test_variables_outlive_their_state(account: RunningAccount) -> None:
    """What one state assigns, quotes and all, a later one reads, whatever lies between."""
    states = {
        "First": {"Type": "Pass", "Assign": {"said": "{% $states.input.text %}", "items": [1, 2]}, "Next": "Between"},
        "Between": {"Type": "Pass", "Output": "nothing of it", "Next": "Last"},
        "Last": {"Type": "Succeed", "Output": {"said": "{% $said %}", "sum": "{% $sum($items) %}"}},
    }
    text = 'a "quoted"\n\\word'

    assert _output(account, states, {"text": text}) == {"said": text, "sum": 3}


@pytest.mark.parametrize(("score", "way"), [(0.9, "good"), (0.2, "bad")])
def test_a_choice_follows_its_condition(account: RunningAccount, score: float, way: str) -> None:
    """The first true one decides; its Output is what the next state gets."""
    choice = {"Condition": "{% $states.input.score >= 0.5 %}", "Output": {"way": "good"}, "Next": "End"}
    states = {
        "Decide": {"Type": "Choice", "Choices": [choice], "Default": "Bad"},
        "Bad": {"Type": "Pass", "Output": {"way": "bad"}, "Next": "End"},
        "End": {"Type": "Succeed"},
    }

    assert _output(account, states, {"score": score}) == {"way": way}


def test_a_map_takes_its_items_from_an_expression(account: RunningAccount) -> None:
    """Each item is worked on, and the results stand in their order."""
    processor = {
        "StartAt": "Square",
        "States": {"Square": {"Type": "Pass", "Output": "{% $states.input * $states.input %}", "End": True}},
    }
    states = {
        "All": {
            "Type": "Map",
            "Items": "{% $range(1, 4, 1) %}",
            "ItemProcessor": processor,
            "Output": {"squares": "{% $states.result %}"},
            "End": True,
        }
    }

    assert _output(account, states, {}) == {"squares": [1, 4, 9, 16]}


def test_a_task_gets_its_arguments(account: RunningAccount) -> None:
    """Arguments are evaluated, and so is the output, from the service's result."""
    account.client("s3").create_bucket(Bucket="jsonata-tests")
    account.client("s3").put_object(Bucket="jsonata-tests", Key="a/b", Body=b"x")
    states = {
        "List": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2",
            "Arguments": {"Bucket": "{% $states.input.bucket %}"},
            "Output": "{% $states.result.Contents[0].Key %}",
            "End": True,
        }
    }

    assert _output(account, states, {"bucket": "jsonata-tests"}) == "a/b"


@pytest.mark.parametrize(
    ("expression", "cause"),
    [("$states.input.missing", "returned nothing (undefined)"), ("$number('a')", "threw an error during evaluation")],
)
def test_a_failing_expression_can_be_caught(account: RunningAccount, expression: str, cause: str) -> None:
    """It is States.QueryEvaluationError; uncaught, it ends the execution with the expression in the cause."""
    only = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "Output": f"{{% {expression} %}}"}
    caught = {"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}
    states = {"Only": only | {"Catch": [caught], "End": True}, "Caught": {"Type": "Pass", "Output": 1, "End": True}}

    failed = _ended(account, {"Only": only | {"End": True}}, {})

    assert _output(account, states, {}) == 1
    assert (failed["status"], failed["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert expression in failed["cause"]
    assert cause in failed["cause"]


def test_a_definition_with_a_broken_expression_is_refused(account: RunningAccount) -> None:
    """The place of the expression is named; nothing is created."""
    states = {"Only": {"Type": "Pass", "Output": {"a": "{% 1 + %}"}, "End": True}}

    with pytest.raises(ClientError, match=re.escape("at /States/Only/Output/a")):
        _made(account, states)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$random(7) = $random(7)", True),
        ("$length($uuid())", 36),
        ("""$parse('{"a": [1, null]}').a[0]""", 1),
        ("10 / 5", 2),
    ],
)
def test_the_functions_of_step_functions_are_there(expression: str, value: Any) -> None:
    """Beside JSONata's own, with what the guide says they give."""
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("function($x){$x}", "unsupported result type"),
        ("(", "end of expression"),
        ("$unknown()", "non-function"),
        ("($f := function(){1 + $f()}; $f())", "Stack overflow"),
    ],
)
def test_what_has_no_value_raises(expression: str, reason: str) -> None:
    """A function, a fragment, an unknown name and an endless recursion are errors, not answers."""
    with pytest.raises(JSONataException, match=reason):
        evaluate(expression)


@given(value=st.recursive(st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(), st.lists, max_leaves=8))
def test_a_value_comes_back_as_it_went_in(value: Any) -> None:
    """Whatever JSON holds passes through a variable unchanged, any quotes and scripts in it."""
    assert evaluate(f"({declarations({'$v': {'v': value}})}$v)") == {"v": value}
