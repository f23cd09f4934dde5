# One target a room. `flashline_room(NAME [EXCLUDE regex...] [PUBLIC libs...] [PRIVATE libs...])` makes library
# flashline_NAME of every .cpp below the current folder, with the repository's root as the include root, and has every
# header compiled alone (target all_verify_interface_header_sets).

set(FLASHLINE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wold-style-cast -Wimplicit-fallthrough -Werror)

function(flashline_flags target)
  target_compile_options(${target} PRIVATE ${FLASHLINE_WARNINGS})
  if(FLASHLINE_SANITIZE STREQUAL "address")
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-sanitize=function -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined -fno-sanitize=function)
  elseif(FLASHLINE_SANITIZE STREQUAL "thread")
    target_compile_options(${target} PUBLIC -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=thread)
  endif()
  if(FLASHLINE_FUZZ)
    target_compile_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
endfunction()

function(flashline_room name)
  cmake_parse_arguments(ROOM "" "" "EXCLUDE;PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS *.h)
  foreach(pattern ${ROOM_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "${pattern}")
    list(FILTER headers EXCLUDE REGEX "${pattern}")
  endforeach()
  add_library(flashline_${name} STATIC ${sources})
  target_sources(flashline_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers})
  set_target_properties(flashline_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON LINKER_LANGUAGE CXX)
  target_include_directories(flashline_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(flashline_${name} PUBLIC ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  flashline_flags(flashline_${name})
endfunction()
