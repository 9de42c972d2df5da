// What no formatter checks: every source file of ours is read as text and held to the house rules.
// A rule that a file breaks names the file and the line.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "schema/metrics/metric.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"

namespace isocost {
namespace {

namespace fs = std::filesystem;

struct Source {
  std::string name;  // relative to the repository
  std::vector<std::string> lines;
};

std::vector<Source> sources() {
  std::vector<Source> found;
  const fs::path root = ISOCOST_SOURCE_DIR;
  for (const char* folder : {"base", "schema", "model_folder", "coordinator", "worker",
                             "experiments", "reports", "cli", "tests", "bench"}) {
    if (!fs::exists(root / folder)) continue;
    for (auto it = fs::recursive_directory_iterator(root / folder); it != fs::end(it); ++it) {
      if (it->path().filename() == "node_modules" || it->path().filename() == "golden") {
        it.disable_recursion_pending();
        continue;
      }
      if (it->path().extension() != ".h" && it->path().extension() != ".cpp") continue;
      Source source{fs::relative(it->path(), root).string(), {}};
      std::ifstream in(it->path());
      for (std::string line; std::getline(in, line);) source.lines.push_back(line);
      found.push_back(std::move(source));
    }
  }
  return found;
}

// Code points, not bytes: formulas in comments may hold Greek letters.
std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(Tidy, FindsTheSources) { EXPECT_GT(sources().size(), 50U); }

TEST(Tidy, LinesFitOnAScreen) {
  for (const Source& source : sources())
    for (std::size_t i = 0; i < source.lines.size(); ++i)
      EXPECT_LE(width(source.lines[i]), 120U) << source.name << ":" << i + 1;
}

TEST(Tidy, HeadersOpenWithWhatTheyAre) {
  for (const Source& source : sources()) {
    if (source.name.ends_with(".h")) {
      ASSERT_FALSE(source.lines.empty()) << source.name;
      EXPECT_TRUE(source.lines[0].starts_with("//"))
          << source.name << ": expected a comment that says what this is";
      EXPECT_NE(std::find(source.lines.begin(), source.lines.end(), "#pragma once"),
                source.lines.end())
          << source.name;
    }
  }
}

TEST(Tidy, NothingIsMarkedUnfinished) {
  const std::array marks = {std::string("TO") + "DO", std::string("FIX") + "ME",
                            std::string("GTEST") + "_SKIP", std::string("DIS") + "ABLED_"};
  for (const Source& source : sources())
    for (std::size_t i = 0; i < source.lines.size(); ++i)
      for (const std::string& mark : marks)
        EXPECT_EQ(source.lines[i].find(mark), std::string::npos)
            << source.name << ":" << i + 1 << ": " << mark;
}

// So that script/repeat finds what fails once in a hundred runs.
TEST(Tidy, TestsOfThreadsAndProcessesSayThatTheyAre) {
  const std::string include = std::string("#in") + "clude ";
  const std::array signs = {include + "<thread>", include + "<future>",
                            std::string("program(") + "\"isocost",
                            include + "\"tests/support/scripted_coordinator.h\"",
                            include + "\"coordinator/web/server.h\""};
  const std::regex program(R"(isocost_test\((\w+)([^)]*)\))"), file(R"(\w+_test\.cpp)");
  std::size_t found = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(ISOCOST_SOURCE_DIR) / "tests")) {
    if (entry.path().filename() != "CMakeLists.txt") continue;
    const std::string list = text_of(entry.path());
    for (std::sregex_iterator each(list.begin(), list.end(), program), end; each != end; ++each) {
      const std::string arguments = (*each)[2];
      const bool is_said = arguments.find("THREADS") != std::string::npos;
      for (std::sregex_iterator source(arguments.begin(), arguments.end(), file); source != end;
           ++source) {
        const std::string text = text_of(entry.path().parent_path() / source->str());
        const bool has_them = std::any_of(signs.begin(), signs.end(), [&](const std::string& sign) {
          return text.find(sign) != std::string::npos;
        });
        found += has_them ? 1U : 0U;
        EXPECT_TRUE(is_said || !has_them) << (*each)[1] << ": " << source->str();
      }
    }
  }
  EXPECT_GT(found, 5U);
}

TEST(Tidy, FilesStayOneThing) {
  for (const Source& source : sources())
    EXPECT_LE(source.lines.size(), 500U) << source.name << ": is this still one thing?";
}

// A class as long as that is several.
TEST(Tidy, ClassesStayOneThing) {
  const std::regex opening(R"(^( *)(class|struct) ([A-Za-z:]+)[^;]*\{$)");
  std::size_t found = 0;
  for (const Source& source : sources()) {
    if (source.name.starts_with("tests/")) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      std::smatch match;
      if (!source.lines[i].ends_with('{') || !std::regex_match(source.lines[i], match, opening))
        continue;
      ++found;
      const auto begin = source.lines.begin() + static_cast<std::ptrdiff_t>(i);
      const auto end = std::find(begin, source.lines.end(), match[1].str() + "};");
      EXPECT_LE(end - begin, 250) << source.name << ":" << i + 1 << ": " << match[3];
    }
  }
  EXPECT_GT(found, 300U);
}

TEST(Tidy, PureFoldersTouchNoOutside) {
  const std::array pure = {"coordinator/core/", "worker/agent/session", "reports/model/"};
  const std::array banned = {"system_clock", "steady_clock::now", "<fstream>", "<thread>",
                             "getenv",       "random_device",     "<iostream>"};
  for (const Source& source : sources()) {
    const bool is_pure = std::any_of(pure.begin(), pure.end(), [&](const char* folder) {
      return source.name.starts_with(folder);
    });
    for (std::size_t i = 0; is_pure && i < source.lines.size(); ++i) {
      for (const char* word : banned) {
        EXPECT_EQ(source.lines[i].find(word), std::string::npos)
            << source.name << ":" << i + 1 << ": " << word;
      }
    }
  }
}

// What a table says is said nowhere else: a name stands as a text in one file of schema and, at
// most, in one of the engine.
TEST(Tidy, NamesOfTheTablesStandInOneFileEach) {
  std::vector<std::string> names = sampling::sampler_names();
  for (const auto& more : {metrics::metric_names(), tasks::task_names()})
    names.insert(names.end(), more.begin(), more.end());
  const auto all = sources();
  for (const std::string& name : names) {
    std::vector<std::string> in_schema, in_engine, elsewhere;
    for (const Source& source : all) {
      if (source.name.starts_with("tests/") || source.name.starts_with("bench/")) continue;
      const bool holds = std::any_of(source.lines.begin(), source.lines.end(), [&](auto& line) {
        return line.substr(0, line.find("//")).find('"' + name + '"') != std::string::npos;
      });
      if (!holds) continue;
      auto& places = source.name.starts_with("schema/")             ? in_schema
                     : source.name.starts_with("worker/diffusion/") ? in_engine
                                                                    : elsewhere;
      places.push_back(source.name);
    }
    EXPECT_EQ(in_schema.size(), 1U) << name << ": " << joined(in_schema);
    EXPECT_LE(in_engine.size(), 1U) << name << ": " << joined(in_engine);
    EXPECT_TRUE(elsewhere.empty()) << name << ": " << joined(elsewhere);
  }
}

// Kinds of tasks are of several rows each: they stand in schema/tasks, and the purpose of a
// pipeline that is not built is told in words of its own.
TEST(Tidy, KindsOfTasksStandInTheirTableAlone) {
  for (const Source& source : sources()) {
    const bool may = source.name.starts_with("schema/tasks/") ||
                     source.name.starts_with("tests/") || source.name.starts_with("bench/") ||
                     source.name == "model_folder/check_runs.cpp";
    for (std::size_t i = 0; !may && i < source.lines.size(); ++i)
      for (const std::string& kind : tasks::kind_names()) {
        const std::string line = source.lines[i].substr(0, source.lines[i].find("//"));
        EXPECT_EQ(line.find('"' + kind + '"'), std::string::npos) << source.name << ":" << i + 1;
      }
  }
}

// Kinds and states of units have names in SQL, and no unit's name is taken apart to find out what
// it is: it is made in schema/units alone.
TEST(Tidy, UnitsAreAskedByKindAndStateAndNotByNumberOrName) {
  const std::regex number(R"re("[^"]*\b(kind|state)\s*(=|<>|!=|IN)\s*\(?\s*[0-9])re"),
      name(R"re("(generate|score|reference)/)re");
  std::size_t queries = 0;
  for (const Source& source : sources()) {
    if (source.name.starts_with("tests/") || source.name.starts_with("bench/")) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      const std::string line = source.lines[i].substr(0, source.lines[i].find("//"));
      queries += line.find("#done") != std::string::npos ? 1U : 0U;
      EXPECT_FALSE(std::regex_search(line, number)) << source.name << ":" << i + 1;
      EXPECT_FALSE(std::regex_search(line, name)) << source.name << ":" << i + 1;
    }
  }
  EXPECT_GT(queries, 3U);
}

}  // namespace
}  // namespace isocost
