"""Lambda: functions run for real, in child processes on AWS's own runtime client."""

import os
import shutil

from local.account import Account

PROACTIVE_VARIABLE = "RETRIEVER_LOCAL_PROACTIVE_INITIALIZATION"


def install(account: Account) -> None:
    """Serve the Lambda API of `account`."""
    from local.lambda_.asynchronous import EventQueue
    from local.lambda_.destinations import Destinations
    from local.lambda_.environment import Environment, EnvironmentSpec, running
    from local.lambda_.event_config import EventConfigs
    from local.lambda_.fleet import Fleets
    from local.lambda_.forks import ForkServers
    from local.lambda_.function import Function
    from local.lambda_.http import middleware
    from local.lambda_.invoker import Invoker
    from local.lambda_.metrics import Metrics
    from local.lambda_.packages import Packages
    from local.lambda_.recursion import remember_trace
    from local.lambda_.responses import FROM_MOTO, OURS, FunctionsResponse
    from local.lambda_.urls import FunctionUrls
    from local.lambda_.warmer import Warmer
    from local.moto_patches import lambda_ as patches
    from local.moto_patches import sts
    from local.operations import carry_out

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
