#!/usr/bin/env bash
#flux: --nodes=4
#flux: --exclusive
#flux: --time-limit=4h
# For Flux: flux batch flux.sh. Inside, flux run starts ranks as srun does.

# shellcheck source=common.sh
. ./common.sh

# Open MPI 4 finds its peers by the PMI of flux-pmix.
MODEL=$(flux run -N 4 --tasks-per-node=1 -o mpi=openmpi \
    mpifetch get hf://acme/model "$MODELS/acme-model") ||
    { code=$?; explain "$code"; exit "$code"; }

export HF_HUB_OFFLINE=1
flux run -N 4 --tasks-per-node=4 -g 1 python train.py --model "$MODEL"
