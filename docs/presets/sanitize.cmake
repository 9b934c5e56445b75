# cmake -C docs/presets/sanitize.cmake -B build-asan
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(MPIFETCH_SANITIZE "address,undefined" CACHE STRING "")
