// Builds HTML text; the one place that escapes. Pure.
//
//   Markup html;
//   html.open("p", {{"class", "soft"}}).text("a < b").close("p");
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace isocost::report {

[[nodiscard]] std::string escape_html(std::string_view text);

class Markup {
 public:
  using Attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  Markup& open(std::string_view tag, Attributes attributes = {});
  Markup& close(std::string_view tag);
  Markup& text(std::string_view text);  // escaped
  Markup& element(std::string_view tag, std::string_view text,
                  Attributes attributes = {});  // escaped
  Markup& raw(std::string_view html);           // as it is: our own alone
  [[nodiscard]] const std::string& str() const { return out_; }

 private:
  std::string out_;
};

}  // namespace isocost::report
