"""Lambda: functions run for real, in child processes on AWS's own runtime client."""

import shutil
from collections import ChainMap
from itertools import chain

from embedded_account.account import Account
from embedded_account.wiring.operations import Operations
from embedded_account.wiring.serving import serve

# Operations that moto's own methods carry out: their state is all there is to them.
_FROM_MOTO = {
    "RemovePermission",
    "ListTags",
    "TagResource",
    "UntagResource",
    "PublishLayerVersion",
    "GetLayerVersion",
    "DeleteLayerVersion",
    "AddLayerVersionPermission",
    "GetLayerVersionPolicy",
    "RemoveLayerVersionPermission",
}


def install(account: Account) -> None:
    """Serve the Lambda API of `account`."""
    from embedded_account.lambda_ import environment, http, moto_functions, moto_traces, packages
    from embedded_account.lambda_.alias_operations import AliasOperations
    from embedded_account.lambda_.event_source_operations import EventSourceOperations
    from embedded_account.lambda_.forks import EnvironmentForks
    from embedded_account.lambda_.function import code_folders
    from embedded_account.lambda_.function_operations import FunctionOperations
    from embedded_account.lambda_.layer_operations import LayerOperations
    from embedded_account.lambda_.recursion import remember_trace
    from embedded_account.lambda_.settings_operations import SettingsOperations
    from embedded_account.lambda_.url_operations import UrlOperations

    shutil.rmtree(account.work_folder("lambda", "tmp"))  # of an account that was killed
    account.singleton(EnvironmentForks)
    account.expose_running("execution environments", environment.running)
    account.expose_running("code folders", lambda: chain(code_folders(account), environment.code_folders()))
    moto_functions.install(account)
    moto_traces.install()
    kinds = (
        FunctionOperations,
        AliasOperations,
        LayerOperations,
        SettingsOperations,
        UrlOperations,
        EventSourceOperations,
    )
    own = ChainMap(*(kind(account).table() for kind in kinds))
    serve(account, "lambda", own, from_moto=_FROM_MOTO, checks={"PublishLayerVersion": packages.check_layer})
    account.singleton(Operations).carry_out("lambda", {"Invoke"})  # by the middleware
    account.add_middleware(http.middleware(account))
    account.add_middleware(remember_trace)
