#include "server/pages/graph_svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/go_float.h"
#include "server/pages/layout.h"

namespace silverback::server::pages {

namespace {

constexpr double kWidth = 1200, kHeight = 420;
constexpr double kLeft = 64, kRight = 14, kTop = 12, kBottom = 30;
constexpr size_t kMaxSeries = 100;
constexpr size_t kMaxPoints = 60'000;  // of all drawn series
constexpr size_t kColors = 12;

constexpr std::array<int64_t, 22> kTimeSteps = {
    1,    2,    5,    10,    15,    30,    60,    120,    300,    600,     900,
    1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000};

/// 1, 2 or 5 times a power of ten, at least `least`.
double nice_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

/// One line to draw: values on the grid of steps, NaN where there is none.
struct Line {
  const promql::Series* series = nullptr;
  std::vector<double> values;
  std::vector<double> base;  // stacked: where the area begins
};

class Graph {
 public:
  Graph(const promql::Matrix& matrix, const GraphFrame& frame) : frame_(frame) {
    const auto steps = static_cast<size_t>((frame.end_ms - frame.start_ms) / frame.step_ms) + 1;
    for (const promql::Series& series : matrix) {
      if (series.floats.empty()) {
        ++without_floats_;
        continue;
      }
      ++with_floats_;
      if (lines_.size() >= kMaxSeries || (lines_.size() + 1) * steps > kMaxPoints) continue;
      Line line;
      line.series = &series;
      line.values.assign(steps, std::nan(""));
      for (const promql::FloatPoint& point : series.floats) {
        const int64_t at = (point.t - frame.start_ms) / frame.step_ms;
        if (at >= 0 && static_cast<size_t>(at) < steps)
          line.values[static_cast<size_t>(at)] = point.v;
      }
      lines_.push_back(std::move(line));
    }
    if (frame.stacked) stack();
    find_bounds();
  }

  void write(HtmlWriter& w) const {
    if (lines_.empty() && with_floats_ == 0 && without_floats_ == 0) {
      write_note(w, "plain", "Empty query result: no series.");
      return;
    }
    if (without_floats_ > 0) {
      write_note(w, "info",
                 fmt::format("{} series hold histograms and are not drawn. Look at the table, or "
                             "draw histogram_quantile() of them.",
                             without_floats_));
    }
    if (lines_.size() < with_floats_) {
      write_note(w, "warn", fmt::format("{} of {} series are drawn.", lines_.size(), with_floats_));
    }
    if (lines_.empty()) return;
    {
      const auto svg = w.in("svg", {{"class", "graph"},
                                    {"viewBox", fmt::format("0 0 {} {}", kWidth, kHeight)},
                                    {"role", "img"},
                                    {"aria-label", "Graph of the query's result"}});
      write_value_axis(w);
      write_time_axis(w);
      for (size_t i = 0; i < lines_.size(); ++i) write_line(w, lines_[i], i);
    }
    write_legend(w);
  }

 private:
  void stack() {
    if (lines_.empty()) return;
    std::vector<double> sum(lines_[0].values.size(), 0);
    for (Line& line : lines_) {
      line.base = sum;
      for (size_t i = 0; i < sum.size(); ++i) {
        if (std::isfinite(line.values[i])) sum[i] += line.values[i];
        line.values[i] = sum[i];
      }
    }
  }

  void find_bounds() {
    bool any = false;
    for (const Line& line : lines_) {
      for (const double v : line.values) {
        if (!std::isfinite(v)) continue;
        low_ = any ? std::min(low_, v) : v;
        high_ = any ? std::max(high_, v) : v;
        any = true;
      }
    }
    if (!any) high_ = 1;
    if (frame_.stacked || frame_.from_zero) {
      low_ = std::min(low_, 0.0);
      high_ = std::max(high_, 0.0);
    }
    if (high_ - low_ <= std::abs(high_) * 1e-12) {  // a flat line in the middle
      const double room = high_ == 0 ? 1 : std::abs(high_) / 2;
      low_ -= room;
      high_ += room;
    }
    const double span = high_ - low_;
    if (!std::isfinite(span)) {  // of numbers as large as they get
      low_ /= 4;
      high_ /= 4;
    }
    step_ = nice_step((high_ - low_) / 6);
    low_ = std::floor(low_ / step_) * step_;
    high_ = std::ceil(high_ / step_) * step_;
  }

  double x(double t_ms) const {
    const auto span = static_cast<double>(std::max<int64_t>(1, frame_.end_ms - frame_.start_ms));
    return kLeft + (t_ms - static_cast<double>(frame_.start_ms)) / span * (kWidth - kLeft - kRight);
  }
  double y(double v) const {
    const double part = std::clamp((v - low_) / (high_ - low_), 0.0, 1.0);
    return kHeight - kBottom - part * (kHeight - kTop - kBottom);
  }
  double x_at(size_t step) const {
    return x(static_cast<double>(frame_.start_ms + static_cast<int64_t>(step) * frame_.step_ms));
  }

  static void write_rule(HtmlWriter& w, std::string_view kind, double x1, double y1, double x2,
                         double y2) {
    w.leaf("line",
           {{"class", std::string(kind)},
            {"x1", fmt::format("{:.1f}", x1)},
            {"y1", fmt::format("{:.1f}", y1)},
            {"x2", fmt::format("{:.1f}", x2)},
            {"y2", fmt::format("{:.1f}", y2)}},
           "");
  }
  static void write_tick(HtmlWriter& w, double tx, double ty, const char* anchor,
                         const std::string& text) {
    w.leaf("text",
           {{"x", fmt::format("{:.1f}", tx)},
            {"y", fmt::format("{:.1f}", ty)},
            {"text-anchor", anchor}},
           text);
  }

  void write_value_axis(HtmlWriter& w) const {
    const auto ticks = static_cast<int>(std::lround((high_ - low_) / step_));
    for (int i = 0; i <= std::min(ticks, 20); ++i) {
      const double value = low_ + step_ * i;
      const double at = y(value);
      write_rule(w, i == 0 ? "axis" : "grid", kLeft, at, kWidth - kRight, at);
      write_tick(w, kLeft - 8, at + 4, "end", axis_number(value, step_));
    }
  }

  void write_time_axis(HtmlWriter& w) const {
    const int64_t span_s = std::max<int64_t>(1, (frame_.end_ms - frame_.start_ms) / 1000);
    const auto* step_at = std::find_if(kTimeSteps.begin(), kTimeSteps.end() - 1,
                                       [&](int64_t s) { return span_s / s <= 9; });
    const int64_t times = std::max<int64_t>(1, (span_s / *step_at + 8) / 9);  // many years
    const int64_t step_ms = *step_at * times * 1000;
    const int64_t first = (frame_.start_ms + step_ms - 1) / step_ms * step_ms;
    const bool with_date = span_s > 86400;
    for (int64_t t = first; t <= frame_.end_ms && (t - first) / step_ms < 200; t += step_ms) {
      const double at = x(static_cast<double>(t));
      write_rule(w, "grid", at, kTop, at, kHeight - kBottom);
      const std::string text = time_text(t == 0 ? 1 : t);  // "2024-05-01 12:00:00"
      const bool days = *step_at >= 86400;
      const bool seconds = *step_at < 60;
      write_tick(w, at, kHeight - kBottom + 17, "middle",
                 days        ? text.substr(0, 10)
                 : with_date ? text.substr(5, 11)
                             : text.substr(11, seconds ? 8 : 5));
    }
  }

  void write_line(HtmlWriter& w, const Line& line, size_t number) const {
    const std::string color = fmt::format("c{}", number % kColors);
    if (frame_.stacked) {
      std::string points;
      for (size_t i = 0; i < line.values.size(); ++i) append_point(points, i, line.values[i]);
      for (size_t i = line.base.size(); i-- > 0;) append_point(points, i, line.base[i]);
      const auto area = w.in("polygon", {{"class", "area " + color}, {"points", points}});
      w.leaf("title", line.series->labels.to_string());
      return;
    }
    std::string path;
    bool down = false;  // the pen
    for (size_t i = 0; i < line.values.size(); ++i) {
      if (!std::isfinite(line.values[i])) {
        down = false;
        continue;
      }
      const bool alone =
          !down && (i + 1 == line.values.size() || !std::isfinite(line.values[i + 1]));
      path += fmt::format("{}{:.1f} {:.1f}", down ? "L" : "M", x_at(i), y(line.values[i]));
      if (alone) path += "h2";  // a lone sample is a dash
      down = true;
    }
    const auto drawn = w.in("path", {{"class", "line " + color}, {"d", path}});
    w.leaf("title", line.series->labels.to_string());
  }

  void append_point(std::string& out, size_t step, double value) const {
    out += fmt::format("{:.1f},{:.1f} ", x_at(step), y(value));
  }

  void write_legend(HtmlWriter& w) const {
    const auto list = w.in("ul", {{"class", "legend"}});
    for (size_t i = 0; i < lines_.size(); ++i) {
      const auto item = w.in("li");
      {
        const auto swatch = w.in("svg", {{"viewBox", "0 0 14 10"}, {"aria-hidden", "true"}});
        w.leaf("rect",
               {{"class", fmt::format("c{}", i % kColors)},
                {"width", "14"},
                {"height", "10"},
                {"rx", "2"}},
               "");
      }
      const model::Labels& labels = lines_[i].series->labels;
      if (labels.to_string() == "{}") {
        w.leaf("span", {{"class", "soft"}}, "{}");
      } else {
        write_labels(w, labels);
      }
      w.leaf("span", {{"class", "value"}}, base::go_g(lines_[i].series->floats.back().v));
    }
  }

  const GraphFrame frame_;
  std::vector<Line> lines_;
  size_t with_floats_ = 0, without_floats_ = 0;
  double low_ = 0, high_ = 0, step_ = 1;
};

}  // namespace

std::string axis_number(double value, double step) {
  struct Unit {
    double size;
    const char* name;
  };
  static constexpr std::array<Unit, 5> kUnits = {
      {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  const double size = std::abs(value);
  if (size < step / 2) return "0";
  if (size >= 1e18 || size < 1e-4) return fmt::format("{:.4g}", value);
  for (const Unit& unit : kUnits) {
    // Only where the next tick still reads differently.
    if (size >= unit.size && step >= unit.size / 1000 && step >= size * 1e-5) {
      return fmt::format("{:.6g}{}", value / unit.size, unit.name);
    }
  }
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 12);
  return fmt::format("{:.{}f}", value, digits);
}

void write_graph(HtmlWriter& w, const promql::Matrix& matrix, const GraphFrame& frame) {
  Graph(matrix, frame).write(w);
}

}  // namespace silverback::server::pages
