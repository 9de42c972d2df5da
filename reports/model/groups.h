// Which scores of a task may be compared, and which of these groups ranks and which judges. For
// make_studies alone. Pure.
#pragma once

#include "reports/model/study.h"

namespace isocost::report {

// Fills groups, choice and judgement from the points. Requires: the points stay where they are.
void group_scores(Study& study);

}  // namespace isocost::report
