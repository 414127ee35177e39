# Language, warnings, sanitizers, linker and compiler cache: everything that applies to all files alike.
include(CheckLinkerFlag)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

# CMake's own defaults define NDEBUG here; asserts stay on in every build of this project.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

find_program(MMTWIN_CCACHE ccache)
mark_as_advanced(MMTWIN_CCACHE)
if(MMTWIN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MMTWIN_CCACHE})
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(mmtwin_linkers lld)
else()
  set(mmtwin_linkers mold)
endif()
foreach(linker IN LISTS mmtwin_linkers)
  check_linker_flag(CXX -fuse-ld=${linker} MMTWIN_LINKER_${linker})
  if(MMTWIN_LINKER_${linker})
    add_link_options(-fuse-ld=${linker})
  endif()
endforeach()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # A frame number silently cut to 32 bits is the mistake to catch; the rest of -Wconversion is noise on narrow fields.
  add_compile_options(-Wshorten-64-to-32 -Wno-c99-designator)
else()
  # g++ 12 reports these on correct standard-library code once it inlines.
  add_compile_options(-Wno-restrict -Wno-error=array-bounds -Wno-error=maybe-uninitialized -Wno-error=stringop-overflow
                      -Wno-error=stringop-overread -Wno-error=stringop-truncation)
endif()
if(MMTWIN_WERROR)
  add_compile_options(-Werror)
endif()

# Bounds checks of the standard library; unlike _GLIBCXX_DEBUG they do not change the ABI of the packaged archives.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# Judge, machine and runner call each other once per event, across files.
if(MMTWIN_LTO)
  add_compile_options(-flto=thin)
  # Executables share most of their code: each piece is compiled once.
  add_link_options(-flto=thin -Wl,--thinlto-cache-dir=${PROJECT_BINARY_DIR}/lto)
endif()

if(MMTWIN_SANITIZE)
  add_compile_options(-fsanitize=${MMTWIN_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MMTWIN_SANITIZE})
  if(MMTWIN_SANITIZE MATCHES "undefined")
    # vptr needs RTTI, which impl/ is built without.
    add_compile_options(-fno-sanitize=vptr -fno-sanitize-recover=undefined)
    add_link_options(-fno-sanitize=vptr)
  endif()
endif()
