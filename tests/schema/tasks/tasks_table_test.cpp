// What rows of the table of tasks say of parameters and calls: what stands in keys is complete and
// idle nowhere, and calls are counted as diffusers counts them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

TEST(TaskTable, NamesEachTaskAndItsReferencesOnce) {
  std::set<std::string> names, references;
  for (const TaskKind& row : task_kinds()) {
    names.insert(row.name);
    references.insert(row.reference_name);
    EXPECT_FALSE(row.kind.empty() || row.label.empty() || row.explanation.empty()) << row.name;
    EXPECT_TRUE(std::find(row.pipelines.begin(), row.pipelines.end(), row.runs_as) !=
                row.pipelines.end())
        << row.name;
    EXPECT_FALSE(row.input_channels(4).empty()) << row.name;
    EXPECT_EQ(row.derive == nullptr, row.derived.empty()) << row.name;
  }
  EXPECT_EQ(names.size(), task_kinds().size());
  EXPECT_EQ(references.size(), task_kinds().size());
}

TEST(TaskTable, TellsWhichTasksBeginWithPromptsAlone) {
  EXPECT_THAT(names_of_prompt_tasks(), ::testing::ElementsAre("text-to-image"));
}

}  // namespace
}  // namespace isocost::tasks
