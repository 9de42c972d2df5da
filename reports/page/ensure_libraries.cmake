# Fetches the page's libraries where they are missing: cmake -DPAGE=... -DNPM=... -P ensure_libraries.cmake
if(EXISTS ${PAGE}/node_modules/vega-embed AND EXISTS ${PAGE}/node_modules/esbuild)
  return()
endif()
execute_process(COMMAND ${NPM} ci --prefix ${PAGE} --no-audit --no-fund --loglevel=error RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "The libraries of the report page are missing and npm could not fetch them: run `npm ci --prefix ${PAGE}` with a network.")
endif()
