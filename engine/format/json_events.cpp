#include "engine/format/json_events.h"

#include <nlohmann/json.hpp>
#include <string>

namespace engramd::engine::format {
namespace {

using nlohmann::json;

class Adapter final : public nlohmann::json_sax<json> {
 public:
  Adapter(JsonEvents& events, int max_depth) : events_(events), max_depth_(max_depth) {}
  Status take_status() { return std::move(status_); }

  bool null() override { return scalar({}); }
  bool boolean(bool value) override {
    JsonScalar s;
    s.kind = JsonScalar::Kind::boolean;
    s.flag = value;
    return scalar(s);
  }
  bool number_integer(number_integer_t value) override {
    JsonScalar s;
    s.kind = JsonScalar::Kind::integer;
    s.negative = value < 0;
    s.magnitude = value < 0 ? uint64_t(0) - uint64_t(value) : uint64_t(value);
    s.number = double(value);
    return scalar(s);
  }
  bool number_unsigned(number_unsigned_t value) override {
    JsonScalar s;
    s.kind = JsonScalar::Kind::integer;
    s.magnitude = value;
    s.number = double(value);
    return scalar(s);
  }
  bool number_float(number_float_t value, const string_t&) override {
    JsonScalar s;
    s.kind = JsonScalar::Kind::number;
    s.number = value;
    return scalar(s);
  }
  bool string(string_t& value) override {
    JsonScalar s;
    s.kind = JsonScalar::Kind::text;
    s.text = value;
    return scalar(s);
  }
  bool binary(binary_t&) override { return keep(fail(ErrorCode::corrupt, "binary data in JSON")); }
  bool start_object(std::size_t) override { return deeper() && keep(events_.begin_object()); }
  bool key(string_t& value) override { return keep(events_.key(value)); }
  bool end_object() override {
    --depth_;
    return keep(events_.end_object());
  }
  bool start_array(std::size_t) override { return deeper() && keep(events_.begin_array()); }
  bool end_array() override {
    --depth_;
    return keep(events_.end_array());
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    if (status_)
      status_ = fail(ErrorCode::corrupt, "broken JSON at byte " + std::to_string(position));
    return false;
  }

 private:
  bool keep(Status status) {
    if (status) return true;
    status_ = std::move(status);
    return false;
  }
  bool scalar(const JsonScalar& value) { return keep(events_.scalar(value)); }
  bool deeper() {
    if (++depth_ <= max_depth_) return true;
    return keep(fail(ErrorCode::corrupt,
                     "JSON nested deeper than " + std::to_string(max_depth_) + " levels"));
  }

  JsonEvents& events_;
  const int max_depth_;
  int depth_ = 0;
  Status status_;
};

}  // namespace

Status read_json(std::string_view text, int max_depth, JsonEvents& events) {
  Adapter adapter(events, max_depth);
  const bool whole = json::sax_parse(text.begin(), text.end(), &adapter);
  Status status = adapter.take_status();
  if (!status) return status;
  if (!whole) return fail(ErrorCode::corrupt, "broken JSON");
  return {};
}

}  // namespace engramd::engine::format
