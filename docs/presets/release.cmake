# cmake -C docs/presets/release.cmake -B build
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(MPIFETCH_SANITIZE "" CACHE STRING "")
