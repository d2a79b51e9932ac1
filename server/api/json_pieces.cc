#include "server/api/json_pieces.h"

#include <utility>

#include "base/json_writer.h"
#include "server/api/render.h"

namespace silverback::server::api {

namespace {

using base::JsonWriter;

void write_float(std::string& out, int64_t t, double v) {
  JsonWriter w(out);
  w.begin_array();
  w.timestamp_ms(t);
  w.sample_value(v);
  w.end_array();
}

void write_histogram_point(std::string& out, int64_t t, const model::Histogram& h) {
  JsonWriter w(out);
  w.begin_array();
  w.timestamp_ms(t);
  write_histogram(w, h);
  w.end_array();
}

/// The elements of a list, one after the other; `Write` appends one.
template <typename Item, typename Write>
class ListPieces final : public JsonPieces {
 public:
  ListPieces(std::vector<Item> items, Write write) : items_(std::move(items)), write_(write) {}

  bool next(std::string& out, size_t bytes) override {
    const size_t until = out.size() + bytes;
    if (!std::exchange(begun_, true)) out += '[';
    for (; at_ < items_.size(); ++at_) {
      if (out.size() >= until) return true;
      if (at_ > 0) out += ',';
      write_(out, items_[at_]);
      items_[at_] = Item();
    }
    out += ']';
    return false;
  }

 private:
  std::vector<Item> items_;
  const Write write_;
  size_t at_ = 0;
  bool begun_ = false;
};

template <typename Item, typename Write>
std::unique_ptr<JsonPieces> list_pieces(std::vector<Item> items, Write write) {
  return std::make_unique<ListPieces<Item, Write>>(std::move(items), write);
}

void write_sample(std::string& out, const promql::Sample& sample) {
  out += R"({"metric":)";
  JsonWriter w(out);
  write_labels(w, sample.labels);
  if (sample.h) {
    out += R"(,"histogram":)";
    write_histogram_point(out, sample.t, *sample.h);
  } else {
    out += R"(,"value":)";
    write_float(out, sample.t, sample.v);
  }
  out += '}';
}

void write_scalar(std::string& out, const promql::Scalar& scalar) {
  write_float(out, scalar.t, scalar.v);
}

void write_string(std::string& out, const promql::String& text) {
  JsonWriter w(out);
  w.begin_array();
  w.timestamp_ms(text.t);
  w.string(text.v);
  w.end_array();
}

/// A matrix, a point at a time: one series of histograms may be large.
class MatrixPieces final : public JsonPieces {
 public:
  explicit MatrixPieces(promql::Matrix matrix) : matrix_(std::move(matrix)) {}

  bool next(std::string& out, size_t bytes) override {
    const size_t until = out.size() + bytes;
    if (!std::exchange(begun_, true)) out += '[';
    for (; at_ < matrix_.size(); ++at_) {
      promql::Series& series = matrix_[at_];
      if (!std::exchange(in_series_, true)) open(out, series);
      const size_t points = series.floats.size() + series.histograms.size();
      for (; point_ < points; ++point_) {
        if (out.size() >= until) return true;
        write_point(out, series);
      }
      out += points > 0 ? "]}" : "}";
      series = promql::Series();
      point_ = 0;
      in_series_ = false;
    }
    out += ']';
    return false;
  }

 private:
  void open(std::string& out, const promql::Series& series) const {
    if (at_ > 0) out += ',';
    out += R"({"metric":)";
    JsonWriter w(out);
    write_labels(w, series.labels);
  }

  void write_point(std::string& out, const promql::Series& series) const {
    const size_t floats = series.floats.size();
    if (point_ < floats) {
      out += point_ == 0 ? R"(,"values":[)" : ",";
      write_float(out, series.floats[point_].t, series.floats[point_].v);
      return;
    }
    if (point_ == floats) {
      out += floats > 0 ? R"(],"histograms":[)" : R"(,"histograms":[)";
    } else {
      out += ',';
    }
    const promql::HistogramPoint& point = series.histograms[point_ - floats];
    write_histogram_point(out, point.t, *point.h);
  }

  promql::Matrix matrix_;
  size_t at_ = 0;
  size_t point_ = 0;
  bool begun_ = false;
  bool in_series_ = false;
};

/// The object around a result.
class ResultPieces final : public JsonPieces {
 public:
  ResultPieces(std::string begin, std::unique_ptr<JsonPieces> result, std::string end,
               std::shared_ptr<void> holds)
      : holds_(std::move(holds)),
        begin_(std::move(begin)),
        end_(std::move(end)),
        result_(std::move(result)) {}

  bool next(std::string& out, size_t bytes) override {
    out += std::exchange(begin_, {});
    if (result_ && result_->next(out, bytes)) return true;
    result_.reset();
    out += end_;
    return false;
  }

 private:
  const std::shared_ptr<void> holds_;
  std::string begin_;
  const std::string end_;
  std::unique_ptr<JsonPieces> result_;
};

}  // namespace

std::unique_ptr<JsonPieces> value_pieces(promql::Value value, std::string more_fields,
                                         std::shared_ptr<void> holds) {
  std::string begin = R"({"resultType":")";
  std::unique_ptr<JsonPieces> result;
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    begin += R"(scalar","result":)";
    write_scalar(begin, *scalar);
  } else if (const auto* text = std::get_if<promql::String>(&value)) {
    begin += R"(string","result":)";
    write_string(begin, *text);
  } else if (auto* vector = std::get_if<promql::Vector>(&value)) {
    begin += R"(vector","result":)";
    result = list_pieces(std::move(*vector), write_sample);
  } else {
    begin += R"(matrix","result":)";
    result = std::make_unique<MatrixPieces>(std::move(std::get<promql::Matrix>(value)));
  }
  more_fields += '}';
  return std::make_unique<ResultPieces>(std::move(begin), std::move(result), std::move(more_fields),
                                        std::move(holds));
}

std::unique_ptr<JsonPieces> label_set_pieces(std::vector<model::Labels> sets) {
  return list_pieces(std::move(sets), [](std::string& out, const model::Labels& labels) {
    JsonWriter w(out);
    write_labels(w, labels);
  });
}

std::unique_ptr<JsonPieces> string_pieces(std::vector<std::string> strings) {
  return list_pieces(std::move(strings), [](std::string& out, const std::string& text) {
    JsonWriter w(out);
    w.string(text);
  });
}

}  // namespace silverback::server::api
