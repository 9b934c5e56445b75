# cmake -C docs/presets/debug.cmake -B build-debug
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(MPIFETCH_SANITIZE "" CACHE STRING "")
