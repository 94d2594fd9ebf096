"""Lambda: functions run for real, in child processes on AWS's own runtime client."""

import os
import shutil

from embedded_account.account import Account

PROACTIVE_VARIABLE = "RETRIEVER_LOCAL_PROACTIVE_INITIALIZATION"


def install(account: Account) -> None:
    """Serve the Lambda API of `account`."""
    from embedded_account.lambda_.asynchronous import EventQueue
    from embedded_account.lambda_.destinations import Destinations
    from embedded_account.lambda_.environment import Environment, EnvironmentSpec, running
    from embedded_account.lambda_.event_config import EventConfigs
    from embedded_account.lambda_.fleet import Fleets
    from embedded_account.lambda_.forks import ForkServers
    from embedded_account.lambda_.function import Function
    from embedded_account.lambda_.http import middleware
    from embedded_account.lambda_.invoker import Invoker
    from embedded_account.lambda_.metrics import Metrics
    from embedded_account.lambda_.packages import Packages
    from embedded_account.lambda_.recursion import remember_trace
    from embedded_account.lambda_.responses import FROM_MOTO, OURS, FunctionsResponse
    from embedded_account.lambda_.urls import FunctionUrls
    from embedded_account.lambda_.warmer import Warmer
    from embedded_account.moto_patches import lambda_ as patches
    from embedded_account.moto_patches import sts
    from embedded_account.operations import carry_out

    packages = Packages(account)
    account.shared(ForkServers)
    account.offer("execution environments", running)
    shutil.rmtree(account.work_folder("lambda", "tmp"))  # of an account that was killed

    def start(spec: EnvironmentSpec, initialization: str) -> Environment:
        return Environment.start(account, spec, packages.runtime(), initialization)

    metrics = Metrics(account)
    fleets = Fleets(account, start)
    invoker = Invoker(account, fleets, metrics)
    configs = EventConfigs(account)
    invoker.queue = EventQueue(account, invoker, fleets, configs, Destinations(account, metrics))
    Function.packages, Function.invoker = packages, invoker
    FunctionsResponse.invoker, FunctionsResponse.fleets, FunctionsResponse.configs = invoker, fleets, configs
    FunctionsResponse.urls = FunctionUrls(account, invoker)
    FunctionsResponse.warmer = Warmer(account, fleets, enabled=os.environ.get(PROACTIVE_VARIABLE, "on") != "off")
    patches.install(Function, FunctionsResponse)
    sts.install(account)
    carry_out("lambda", FROM_MOTO | OURS)
    account.add_middleware(middleware(account, invoker))
    account.add_middleware(remember_trace)
