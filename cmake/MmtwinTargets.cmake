# How the folders become targets. Sources are globbed, so a new file needs no edit; an empty folder is an INTERFACE
# library.
include(GoogleTest)

# mmtwin_sources(OUT GLOB... [EXCLUDE REGEX...]): files below the current folder, regexes match paths relative to it.
# A glob ending in **.cc descends, one ending in *.cc does not.
function(mmtwin_sources out)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "EXCLUDE")
  set(found "")
  foreach(glob IN LISTS arg_UNPARSED_ARGUMENTS)
    set(kind GLOB)
    if(glob MATCHES "\\*\\*")
      set(kind GLOB_RECURSE)
      string(REPLACE "**" "*" glob "${glob}")
    endif()
    file(${kind} files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${glob})
    list(APPEND found ${files})
  endforeach()
  foreach(regex IN LISTS arg_EXCLUDE)
    list(FILTER found EXCLUDE REGEX "${regex}")
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# Links those of the named libraries that exist in this build.
function(mmtwin_link target scope)
  foreach(library IN LISTS ARGN)
    if(TARGET ${library})
      target_link_libraries(${target} ${scope} ${library})
    endif()
  endforeach()
endfunction()

# mmtwin_library(NAME [SOURCES ...] [INCLUDE ...] [LINK ...] [OPTIONS ...] [COVERAGE])
# Includes are relative to the repository's root. COVERAGE: instrumented for the fuzzing engine in fuzz builds.
function(mmtwin_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "COVERAGE" "" "SOURCES;INCLUDE;LINK;OPTIONS")
  set(scope PUBLIC)
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_compile_options(${name} PRIVATE ${arg_OPTIONS})
    if(arg_COVERAGE)
      mmtwin_instrument(${name})
    endif()
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${PROJECT_SOURCE_DIR} ${arg_INCLUDE})
  mmtwin_link(${name} ${scope} ${arg_LINK})
endfunction()

# mmtwin_program(NAME SOURCES ... [LINK ...]): nothing at all when there are no sources.
function(mmtwin_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  if(arg_SOURCES)
    add_executable(${name} ${arg_SOURCES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    mmtwin_link(${name} PRIVATE ${arg_LINK})
  endif()
endfunction()

function(mmtwin_instrument target)
  if(MMTWIN_FUZZ)
    separate_arguments(flags UNIX_COMMAND "${MMTWIN_COVERAGE_FLAGS}")
    target_compile_options(${target} PRIVATE ${flags})
  endif()
endfunction()

# Every TEST of the program becomes a CTest test FOLDER/Suite.Name, run from the repository's root; MMTWIN_BIN_DIR tells
# a test where the programs are.
function(mmtwin_discover target folder)
  gtest_discover_tests(${target}
    TEST_PREFIX ${folder}/
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${folder} TIMEOUT 600 ENVIRONMENT "MMTWIN_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endfunction()
