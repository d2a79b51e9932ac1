#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace silverback::base {

/// Appends `v` as Go's strconv.FormatFloat(v, 'f', -1, 64): shortest digits, never an exponent.
/// NaN, +Inf, -Inf as Go spells them.
void append_go_f(std::string& out, double v);
/// 'e' format, shortest: 1e+00.
void append_go_e(std::string& out, double v);
/// 'g' format, shortest (Go's %v): the exponent form when the decimal exponent is < -4 or >= 6, so
/// 1000000 is 1e+06 and 123456789 is 1.23456789e+08.
void append_go_g(std::string& out, double v);
/// As Prometheus's API and text exposition of sample values: 'f' unless |v| < 1e-6 or >= 1e21, then
/// 'e'.
void append_sample_value(std::string& out, double v);
/// The OpenMetrics layout for le and quantile labels: shortest 'g', ".0" added to bare integers.
void append_openmetrics_float(std::string& out, double v);

std::string go_f(double v);
std::string go_g(double v);
std::string sample_value(double v);

/// Go's strconv.ParseFloat(s, 64): signs, Inf/Infinity/NaN in any case, hex floats with p exponent,
/// underscores only where `allow_underscores` (base prefix given). nullopt on syntax errors;
/// out-of-range gives +-Inf as Go does (and is reported by Go as an error): nullopt too.
std::optional<double> parse_go_float(std::string_view s, bool allow_underscores = false);

/// What Prometheus's text format takes: parse_go_float without 'p', 'x' or '_'.
/// Fast path for short decimals.
std::optional<double> parse_sample_value(std::string_view s);

}  // namespace silverback::base
