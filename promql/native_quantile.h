#pragma once

#include "model/histogram.h"

namespace silverback::promql {

/// What observations of NaN did to an answer.
struct NanObservations {
  bool result_is_nan = false;
  bool skewed = false;    // quantile: towards higher values
  bool excluded = false;  // fraction: from every fraction
};

/// The q-quantile of a native histogram.
double native_quantile(double q, const model::Histogram& h, NanObservations* nan);
/// The fraction of observations between the bounds.
double native_fraction(double lower, double upper, const model::Histogram& h, NanObservations* nan);
/// Population variance, observations taken to lie in the middle of their buckets.
double native_variance(const model::Histogram& h);

}  // namespace silverback::promql
