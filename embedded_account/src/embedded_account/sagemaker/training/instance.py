"""One instance of a training job: AWS's training toolkit as a child process, under an /opt/ml of its own."""

import json
import logging
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psutil

from embedded_account.iam.log_access import LogAccess
from embedded_account.iam.permissions import Permissions
from embedded_account.processes import Process
from embedded_account.sagemaker.shared.opt_ml import OptMl
from embedded_account.sagemaker.shared.storage import Objects
from embedded_account.sagemaker.shared.weights import torch_home
from embedded_account.sagemaker.training import channels
from embedded_account.sagemaker.training.checkpoints import Checkpoints
from embedded_account.sagemaker.training.forks import LAUNCHER_FOLDER, InstanceForks
from embedded_account.sagemaker.training.hosts import Host
from embedded_account.sagemaker.training.job import TrainingJob
from embedded_account.sagemaker.training.profiler import Profiler
from embedded_account.shortages import shortage_in_words

logger = logging.getLogger("embedded_account.sagemaker")

_GROUP = "homogeneousCluster"
_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_NAMESPACE = {"cloudwatch:namespace": _LOG_GROUP}
_READ_BYTES = 1 << 16
_MAX_TAIL_LINES = 20
_MAX_FAILURE_BYTES = 4096  # SageMaker passes on 1,024 characters
_SIGTERM_EXIT_SECONDS = 1.0


class TrainingInstance:
    """Prepares /opt/ml, runs the toolkit and passes its output on line by line."""

    def __init__(self, job: TrainingJob, folder: Path, host: Host) -> None:
        self._job = job
        self._account = job.account
        self._folder = folder
        self._host = host
        self._process: Process | None = None
        self._reader: Thread | None = None
        self._log_access: LogAccess | None = None
        self._tail: list[str] = []
        self._asked: set[int] = set()  # process ids
        self.ml = folder / "opt" / "ml"
        self._opt_ml = self._account.singleton(OptMl)
        self._checkpoints = Checkpoints(job, self.ml)
        self._profiler = Profiler(job, f"algo-{host.index + 1}", folder)

    @property
    def has_started(self) -> bool:
        """Say whether the container was started."""
        return self._process is not None

    def download(self) -> None:
        """Write the configuration and the channels, and restore the checkpoints.

        Raises:
            ChannelError: a channel cannot be had.
            StorageError: S3 refused the checkpoints.
        """
        request = self._job.request
        for part in ("input/config", "input/data", "model", "output/data"):
            (self.ml / part).mkdir(parents=True)
        for part in ("home", "tmp"):
            (self._folder / part).mkdir()
        config = self.ml / "input" / "config"
        given = request.get("InputDataConfig", [])
        input_mode = request["AlgorithmSpecification"]["TrainingInputMode"]
        (config / "hyperparameters.json").write_text(json.dumps(request.get("HyperParameters", {})))
        (config / "inputdataconfig.json").write_text(json.dumps(channels.description(given, input_mode)))
        (config / "resourceconfig.json").write_text(json.dumps(self._resource_config()))
        objects = Objects(self._account, request["RoleArn"])
        for channel in given:
            folder = self.ml / "input" / "data" / channel["ChannelName"]
            folder.mkdir()
            channels.download(channel, objects, folder, self._host.index, len(self._host.names))
        self._checkpoints.restore()

    def start(self) -> None:
        """Start the toolkit, which runs the user's script."""
        output, container_output = os.pipe()
        try:
            self._process = self._start_process(container_output)
        except OSError:
            os.close(output)
            raise
        finally:
            os.close(container_output)
        stream = f"{self._job.name}/algo-{self._host.index + 1}-{int(self._account.clock.time())}"
        self._log_access = LogAccess(self._account, self._job.request["RoleArn"], "SageMaker", _LOG_GROUP, stream)
        self._reader = self._account.start_thread(f"log of {stream}", lambda: self._pass_on(output, stream))
        self._checkpoints.start()
        self._profiler.start()

    def _start_process(self, output: int) -> Process:
        """Fork it from a process that has imported torch, where that can be done, or start it anew."""
        environment = self._environment()
        given = self._job.request.get("Environment", {})
        request = {"Environment": environment, "Folder": str(self._folder)}
        if not self._opt_ml.refusal:
            request["OptMl"] = str(self.ml)
        fork = self._account.singleton(InstanceForks).start(request, given, output)
        return fork or self._account.processes.spawn(
            self._opt_ml.command([str(Path(sys.executable).parent / "train")], self.ml),
            env=environment,
            cwd=self._folder,
            stdout=output,
        )

    def exit_code(self) -> int | None:
        """Return the toolkit's exit code, or None while it runs."""
        return self._started().poll()

    @property
    def has_succeeded(self) -> bool:
        """Say whether the toolkit has noted that the script succeeded."""
        return (self.ml / "output" / "success").exists()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the user's script, as a container gets it, and let the toolkit see it end.

        Called again and again while the toolkit runs: what it has started may have been no script yet. Each process
        is asked once; the toolkit itself only while it has started nothing.
        """
        with suppress(psutil.Error):
            toolkit = psutil.Process(self._started().pid)
            for process in toolkit.children() or ([] if self._asked else [toolkit]):
                if process.pid not in self._asked:
                    self._asked.add(process.pid)
                    with suppress(psutil.Error):
                        process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill everything that runs on the instance, as a machine's failure does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self, *, keeps_files: bool = True) -> None:
        """End whatever still runs, then wait for the last lines of the log and for the checkpoints.

        Without `keeps_files` the machine is gone: it ends without a signal, and what it had not sent yet is lost.
        """
        if self._process is not None:
            if not keeps_files:
                self.kill()
            self._account.processes.end(self._process, _SIGTERM_EXIT_SECONDS)
        if self._reader is not None:
            self._reader.join()
        self._profiler.finish()
        self._checkpoints.finish(sends_rest=keeps_files)

    def failure(self) -> str:
        """Return why the script failed: what was written to /opt/ml/output/failure, or else the end of the log."""
        with suppress(OSError), (self.ml / "output" / "failure").open("rb") as file:
            if written := file.read(_MAX_FAILURE_BYTES).decode(errors="replace").strip():
                remark = self._opt_ml.remark(written)
                return f"{remark}; {written}" if remark else written
        last = " | ".join(self._tail[-5:])
        lacks = shortage_in_words(last, self._folder)
        return f"{lacks or 'the container ended without a message'}; its last lines: {last}"

    def forget(self) -> None:
        """Delete the machine's files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def forget_input(self) -> None:
        """Delete the channels, so that ended jobs do not fill the disk while they upload."""
        shutil.rmtree(self.ml / "input" / "data", ignore_errors=True)

    def _started(self) -> Process:
        if self._process is None:
            raise RuntimeError(f"instance {self._host.name!r} of {self._job.name!r} has not been started")
        return self._process

    def _resource_config(self) -> dict[str, object]:
        instance_type = self._job.request["ResourceConfig"]["InstanceType"]
        hosts = list(self._host.names)
        group = {"instance_group_name": _GROUP, "instance_type": instance_type, "hosts": hosts}
        return {
            "current_host": self._host.name,
            "current_instance_type": instance_type,
            "current_group_name": _GROUP,
            "hosts": hosts,
            "instance_groups": [group],
            "network_interface_name": "lo",
        }

    def _environment(self) -> dict[str, str]:
        threads = str(self._host.num_cores)
        credentials = self._account.role_credentials(
            self._job.request["RoleArn"], "SageMaker", by="sagemaker.amazonaws.com"
        )
        own = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": str(LAUNCHER_FOLDER),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
            "LANG": "C.UTF-8",
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            "TORCH_HOME": torch_home(),
            # The toolkit hands a requirements.txt to pip, whose environment is the account's own: it checks, and fails
            # by the package's name, but installs nothing.
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "EMBEDDED_ACCOUNT_INSTANCE_CPUS": threads,
            "SAGEMAKER_BASE_DIR": self._opt_ml.seen(self.ml),
            "SAGEMAKER_TRAINING_MODULE": "embedded_account_launcher:main",
            "SM_STUDIO_LOCAL_MODE": "true",
            "S3_ENDPOINT_URL": self._account.url,
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": self._job.arn,
        }
        given: dict[str, str] = self._job.request.get("Environment", {})
        return own | given | self._account.child_environment(credentials)

    def _pass_on(self, output: int, stream: str) -> None:
        """Hand each line of the toolkit's output to the log and the metrics, as soon as it is whole."""
        rest = b""
        with open(output, "rb", buffering=0) as file:
            while chunk := file.read(_READ_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                self._take(stream, lines)
        self._take(stream, [rest])

    def _take(self, stream: str, lines: list[bytes]) -> None:
        texts = [text for line in lines if (text := line.decode(errors="replace").rstrip())]
        if not texts:
            return
        self._tail = (self._tail + texts)[-_MAX_TAIL_LINES:]
        try:
            self._note(stream, texts)
        except Exception:  # the script must not hang because its output is no longer read
            logger.exception("%d lines of the log %r were lost", len(texts), stream)

    def _note(self, stream: str, texts: list[str]) -> None:
        now = self._account.clock.now()
        metrics = [metric for text in texts for metric in self._job.metrics.read(text, now)]  # first: tuning needs them
        for metric in metrics:
            if metric.is_finite and self._may_put_metrics():
                dimensions = {"TrainingJobName": self._job.name}
                self._account.put_metric(_LOG_GROUP, metric.name, metric.value, "None", dimensions)
        if self._log_access and self._log_access.allows("CreateLogGroup", "DescribeLogStreams", "CreateLogStream"):
            self._account.write_log(_LOG_GROUP, stream, texts)

    def _may_put_metrics(self) -> bool:
        """SageMaker publishes what the log says with the job's own role."""
        try:
            self._account.singleton(Permissions).require_of_role(
                self._job.request["RoleArn"], "SageMaker", "cloudwatch:PutMetricData", "*", _NAMESPACE
            )
        except PermissionError as refusal:
            logger.warning("a metric of training job %r is lost: %s", self._job.name, refusal)
            return False
        return True
