"""The same bytes on any number of cores."""

from threadpoolctl import threadpool_limits

ONE_THREAD = threadpool_limits.wrap(limits=1)
"""Makes a function give the same bytes on any number of cores: sums have one order.

By threadpoolctl, which scikit-learn brings along to do the same.
"""
