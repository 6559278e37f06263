# Jobs that do nothing but fail in known ways. Each adds a line to starts/<job> when it begins, and writes
# 'partial' before 'whole', so that a test can count executions and see a half-written file.
include: "../../rules/driver.smk"


shell.prefix("mkdir -p starts; ")

BEGIN = "echo $SLURM_JOB_ID >> starts/{rule}; echo partial > {output}; "


rule sleep:
    output:
        "sleep_{seconds}_{name}.txt",
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        "echo $SLURM_JOB_ID >> starts/{output}; echo partial > {output}; "
        "sleep {wildcards.seconds}; echo whole > {output}"


rule fails_once:
    output:
        "fails_once.txt",
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        "test ! -e {output} || exit 9; "
        + BEGIN
        + "[ $(wc -l < starts/{rule}) -gt 1 ] || exit 7; echo whole > {output}"


# the first attempt takes longer than its minute, the second has two and is quick; on the one node that no test
# of failures kills
rule out_of_time:
    output:
        "out_of_time.txt",
    resources:
        slurm_partition="gpu",
        mem_mb=100,
        runtime=lambda wildcards, attempt: attempt,
    shell:
        BEGIN + "[ $(wc -l < starts/{rule}) -gt 1 ] || sleep 200; echo whole > {output}"


rule hopeless:
    output:
        "hopeless.txt",
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        BEGIN + "exit 7"


rule after_hopeless:
    input:
        "hopeless.txt",
    output:
        "after_hopeless.txt",
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        BEGIN + "echo whole > {output}"


# no node of the lab has this much memory
rule too_big:
    output:
        "too_big.txt",
    resources:
        mem_mb=10**7,
        runtime=5,
    shell:
        BEGIN + "echo whole > {output}"
