# shellcheck shell=bash disable=SC2154
# How programs start on several hosts. Sourced by cluster.sh.

# What of the start of a job costs most and does nothing here, as in job.py: a look at PCI devices and
# displays in each process, files to share what few ranks are told, modules that are loaded to be asked.
cheap_start=(HWLOC_COMPONENTS="-pci,-linuxio,-gl,-opencl" HWLOC_PLUGINS_PATH=/nowhere
    PMIX_MCA_gds=hash OMPI_MCA_btl="self,vader,tcp"
    OMPI_MCA_coll="^adapt,han,monitoring,sync" OMPI_MCA_osc="^ucx,pt2pt,monitoring,rdma")

# What a site would have in Open MPI's own configuration, and a user in a profile.
launch_environment()
{
    export CLUSTER_DIR=$dir
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_MCA_plm_rsh_agent="$here/cluster.sh rsh"
    # On all networks it would take bandwidth from the downloads that are tested.
    export OMPI_MCA_oob_tcp_if_include=fab0 OMPI_MCA_btl_tcp_if_include=fab0
    export OMPI_MCA_pml=ob1 "${cheap_start[@]}"
    # The hosts share the machine's cores: each would bind its first rank to the same one,
    # and a rank that spins would take it from the others.
    export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
    # In MPI_Finalize a rank waits two seconds for a launcher that has no turn, see job.py.
    export OMPI_MCA_orte_allowed_exit_without_sync=1
    export SLURM_CONF=$dir/slurm/slurm.conf
    # With direct fences the first message of a fast peer can meet an Open MPI 4.1 that is
    # still in MPI_Init, which ends in a crash (open-mpi/ompi 12495): one srun in ten at 16
    # nodes, none with a tree. Two ranks a node on a busy machine can meet it with either.
    export SLURM_PMIX_FENCE=tree
}

launch_bare()
{
    cd /
    node_enter "$1" env -i HOME="$HOME" USER=root CLUSTER_DIR="$dir" "${cheap_start[@]}" \
        PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin sh -c "${*:2}"
}

# launch_mpirun NODES RANKS ARG...: mpirun's own options may come before the program. RANKS: one
# number, or as many as there are nodes.
launch_mpirun()
{
    local hosts=() ranks sum=0 i
    IFS=, read -ra ranks <<<"$2"
    for ((i = 1; i <= $1; i++)); do
        hosts+=("n$i:${ranks[i - 1]:-${ranks[0]}}")
        sum=$((sum + ${ranks[i - 1]:-${ranks[0]}}))
    done
    node_enter n1 mpirun -H "$(IFS=,; echo "${hosts[*]}")" -n "$sum" "${@:3}"
}
