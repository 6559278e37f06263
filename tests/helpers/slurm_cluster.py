"""A throw-away SLURM cluster on one host: real daemons, pretended nodes, and ways to break them.

Root, Linux, and the Debian packages slurm-wlm, munge, slurmdbd and mariadb-server are needed. Nothing in
/etc/slurm is read or written, and no service is touched: keys, sockets, ports, state and logs are the
cluster's own. By hand::

    python tests/helpers/slurm_cluster.py /tmp/lab      # start, print the environment, wait for Ctrl-C
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sacct")
SBIN = "/usr/sbin:/sbin"

_SLURM_CONF = """\
ClusterName=lab
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket
CredType=cred/munge
StateSaveLocation={spool}/ctld
SlurmdSpoolDir={spool}/%n
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.%n.pid
SlurmctldLogFile={log}/slurmctld.log
SlurmdLogFile={log}/slurmd.%n.log
SlurmctldDebug=info
SlurmdDebug=info
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
MpiDefault=none
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=100000,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# nodes pretend to be bigger than the host
SlurmdParameters=config_overrides
ReturnToService=2
# patient, for hosts with more to do than these daemons
SlurmdTimeout=120
MessageTimeout=60
SlurmctldTimeout=10
InactiveLimit=0
KillWait=2
WaitTime=0
MinJobAge=600
JobRequeue=1
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={dbd_port}
AccountingStoragePass={run}/munge.socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
"""
_DBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd_port}
SlurmUser=root
PidFile={run}/slurmdbd.pid
LogFile={log}/slurmdbd.log
DebugLevel=info
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
"""
SACCT_FIELDS = (
    *("JobIDRaw", "JobName", "Partition", "State", "ExitCode", "NodeList", "ReqTRES", "TimelimitRaw"),
    *("Submit", "Start", "End", "Comment", "WorkDir"),
)


def why_not() -> str:
    """Why no cluster can run here; empty if one can."""
    path = f"{os.environ['PATH']}:{SBIN}"
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if missing:
        return (
            f"SLURM is not installed ({', '.join(missing)} missing); 'make test-slurm' installs it on Debian"
        )
    return "" if os.geteuid() == 0 else "the SLURM daemons need root"


class Cluster:
    """slurmctld, slurmdbd with MariaDB, and one slurmd per node; nodes named ``g*`` have two GPUs.

    Parameters
    ----------
    folder : path
        Made if need be. A short one: socket paths are limited to 107 bytes.
    nodes : sequence of str
        ``n*`` form the partition ``cpu``, ``g*`` the partition ``gpu``.
    cpus, memory_mb : int
        What every node pretends to have.
    port : int
        First of about ten.
    """

    def __init__(self, folder, *, nodes=("n1", "n2", "g1"), cpus=2, memory_mb=64_000, port=16817):
        self.folder, self.nodes, self.cpus, self.memory_mb = Path(folder), nodes, cpus, memory_mb
        self.run, self.log, self.etc = (self.folder / name for name in ("run", "log", "etc"))
        self.places = {
            "run": self.run,
            "log": self.log,
            "spool": self.folder / "spool",
            "port": port,
            "dbd_port": port + 2,
        }
        self.environment = {
            **os.environ,
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}:{SBIN}",
            "SLURM_CONF": str(self.etc / "slurm.conf"),
            "MYSQL_UNIX_PORT": str(self.run / "mysql.sock"),
        }

    def start(self) -> "Cluster":
        """Start everything and wait until all nodes are idle (about ten seconds)."""
        self._write_files()
        munge = {"key-file": self.etc / "munge.key", "socket": self.run / "munge.socket"}
        munge |= {"pid-file": self.run / "munged.pid", "log-file": self.log / "munged.log"}
        munge |= {"seed-file": self.run / "munge.seed"}
        self.call("munged", "--force", *(f"--{name}={value}" for name, value in munge.items()))
        self._start_database()
        self.start_accounting()
        for words in ("cluster lab", "account lab Description=lab Organization=lab", "user root Account=lab"):
            subprocess.run(
                ["sacctmgr", "-i", "add", *words.split()], env=self.environment, capture_output=True
            )
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        self.wait_until_idle()
        return self

    def stop(self) -> None:
        """End all jobs and daemons at once: nothing of this cluster is needed any more."""
        for node in self.nodes:
            self._kill_processes(node)
        for name in ("slurmctld", "slurmdbd", "mysqld", "munged"):
            self._kill(name)

    def call(self, *command: str) -> str:
        """Output of a command that must succeed."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=180)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def sacct(self, workdir: Path) -> list[dict[str, str]]:
        """What accounting knows of the jobs submitted from a folder, requeued copies included, in order.

        ``rule`` is the rule's or group's name, ``State`` the first word only.
        """
        fields = [f"{name}%2000" if name in ("Comment", "WorkDir") else name for name in SACCT_FIELDS]
        said = self.call(
            "sacct", "-D", "-X", "--parsable2", "--noheader", "--starttime=2000-01-01",
            f"--format={','.join(fields)}",
        )  # fmt: skip
        jobs = [dict(zip(SACCT_FIELDS, line.split("|"))) for line in said.splitlines()]
        for job in jobs:
            job["State"] = job["State"].split()[0]
            job["rule"] = job["Comment"].removeprefix("rule_").split("_wildcards_")[0]
        mine = [job for job in jobs if Path(job["WorkDir"]) == workdir]
        return sorted(mine, key=lambda job: int(job["JobIDRaw"]))

    def queue(self, workdir: Path) -> list[str]:
        """Ids of the jobs of a folder that wait or run."""
        lines = self.call("squeue", "--noheader", "--format=%i %Z").splitlines()
        return [line.split()[0] for line in lines if Path(line.split(maxsplit=1)[1]) == workdir]

    def wait_until_ended(self, workdir: Path, seconds: float = 600) -> None:
        """Until no job of a folder waits or runs, also in the eyes of accounting."""
        going = {"PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED"}

        def all_ended() -> bool:
            return not self.queue(workdir) and not going & {job["State"] for job in self.sacct(workdir)}

        _wait(seconds, all_ended, f"jobs of {workdir} did not end")

    def kill_node(self, node: str) -> None:
        """What a power cut does: slurmd, its job steps and all their processes end at once.

        SLURM is told that the node is down, or it would take minutes to notice.
        """
        self._kill_processes(node)
        self.call("scontrol", "update", f"nodename={node}", "state=down", "reason=killed")

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node; a node that was killed is in service again within seconds."""
        (self.folder / "spool" / node).mkdir(parents=True, exist_ok=True)
        (self.run / f"slurmd.{node}.pid").unlink(missing_ok=True)
        self.call("slurmd", "-N", node)

    def kill_controller(self) -> None:
        """End slurmctld as a crash does."""
        self._kill("slurmctld")

    def start_controller(self) -> None:
        self.call("slurmctld")
        _wait(120, lambda: "UP" in self.call("scontrol", "ping"), "slurmctld does not answer")

    def kill_accounting(self) -> None:
        """End slurmdbd as a crash does."""
        self._kill("slurmdbd")

    def start_accounting(self) -> None:
        self.call("slurmdbd")
        _wait(120, lambda: self.call("sacctmgr", "-n", "show", "cluster") is not None, "slurmdbd is silent")

    def wait_until_idle(self, seconds: float = 300) -> None:
        """Until every node is idle; restart the slurmd of any that is not there."""
        for node in self.nodes:
            if self._process(f"slurmd.{node}") is None:
                self.start_node(node)

        def idle() -> bool:
            names = self.call("sinfo", "--noheader", "-N", "-t", "idle", "-o", "%N").split()
            return set(names) == set(self.nodes)

        _wait(seconds, idle, "not all nodes became idle")

    def _write_files(self) -> None:
        for folder in (self.run, self.log, self.etc, self.folder / "spool/ctld", self.folder / "bin"):
            folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        lines, gres = [_SLURM_CONF.format(**self.places)], []
        for number, node in enumerate(self.nodes):
            has_gpus = node.startswith("g")
            lines.append(
                f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 "
                f"Port={self.places['port'] + 3 + number} CPUs={self.cpus} RealMemory={self.memory_mb} "
                f"{'Gres=gpu:2' if has_gpus else ''} State=UNKNOWN\n"
            )
            if has_gpus:  # slurmd wants character devices; these two exist everywhere
                gres += [f"NodeName={node} Name=gpu File=/dev/{device}\n" for device in ("null", "zero")]
        for partition in ("cpu", "gpu"):
            members = [node for node in self.nodes if node.startswith("g") == (partition == "gpu")]
            default = "YES" if partition == "cpu" else "NO"
            lines.append(
                f"PartitionName={partition} Nodes={','.join(members)} Default={default} MaxTime=1000\n"
            )
        (self.etc / "slurm.conf").write_text("".join(lines))
        (self.etc / "gres.conf").write_text("".join(gres))
        (self.etc / "cgroup.conf").write_text("CgroupAutomount=no\nConstrainCores=no\n")
        for name, content in (("slurmdbd.conf", _DBD_CONF.format(**self.places)), ("munge.key", None)):
            path = self.etc / name
            path.touch(mode=0o600)
            path.write_bytes(content.encode() if content else os.urandom(128))
        # the plugin drops every SLURM_* variable before the srun inside a job, this file's place included;
        # on a cluster with /etc/slurm that harms nothing
        srun = self.folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.etc}/slurm.conf exec /usr/bin/srun "$@"\n')
        srun.chmod(0o755)

    def _start_database(self) -> None:
        data = self.folder / "mysql"
        own = ["--no-defaults", "--user=root", f"--datadir={data}"]
        if not (data / "mysql").exists():
            self.call(
                "mariadb-install-db", *own, "--auth-root-authentication-method=socket", "--skip-test-db"
            )
        socket = f"--socket={self.run}/mysql.sock"
        subprocess.Popen(
            ["mariadbd", *own, socket, f"--pid-file={self.run}/mysqld.pid", "--skip-networking",
             "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900",
             "--innodb-flush-log-at-trx-commit=2", f"--log-error={self.log}/mysqld.log"],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ask = ("mariadb", "--no-defaults", socket, "-e", "select 1")
        _wait(120, lambda: bool(self.call(*ask)), "MariaDB does not answer")

    def _process(self, name: str) -> psutil.Process | None:
        try:
            process = psutil.Process(int((self.run / f"{name}.pid").read_text()))
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None
        alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return process if alive else None

    def _kill_processes(self, node: str) -> None:
        slurmd = self._process(f"slurmd.{node}")
        doomed = [slurmd] if slurmd else []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] == "slurmstepd" and _belongs_to(process, node):
                doomed += [process, *process.children(recursive=True)]
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _kill(self, name: str) -> None:
        process = self._process(name)
        if process is not None:
            process.kill()
            process.wait(10)


def _belongs_to(stepd: psutil.Process, node: str) -> bool:
    try:
        if stepd.environ().get("SLURMD_NODENAME") == node:
            return True
        return any(Path(opened.path).name == f"slurmd.{node}.log" for opened in stepd.open_files())
    except psutil.NoSuchProcess:
        return False


def _wait(seconds: float, ready: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
            said = ""
        except RuntimeError as error:
            said = str(error)
        if time.monotonic() > end:
            raise RuntimeError(f"{otherwise} within {seconds:g} s. {said}")
        time.sleep(0.2)


if __name__ == "__main__":
    cluster = Cluster(sys.argv[1]).start()
    print(f"export SLURM_CONF={cluster.environment['SLURM_CONF']} PATH={cluster.folder}/bin:$PATH:{SBIN}")
    try:
        signal.pause()
    except KeyboardInterrupt:
        cluster.stop()
