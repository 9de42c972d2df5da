// The parts of the page, top to bottom; used by html.cpp alone.
#pragma once

#include "reports/html/html.h"
#include "reports/html/markup.h"

namespace isocost::report {

void write_answer(Markup& html, const Report& report);
void write_findings(Markup& html, const Report& report);
void write_pictures(Markup& html, const Report& report, const PageInputs& inputs);
void write_failed(Markup& html, const Report& report);
void write_protocol(Markup& html, const Report& report);
void write_words(Markup& html, const Report& report);

// "images 0 to 511"
[[nodiscard]] std::string images_text(const ImageRange& range);
// The currency of the answer that is shown first.
[[nodiscard]] bool has_axis(const Report& report, std::size_t axis);

// A table that scrolls inside its box.
void open_table(Markup& html, const std::string& label,
                const std::vector<std::pair<std::string, bool>>& columns);  // name, is number
void close_table(Markup& html);

}  // namespace isocost::report
