# Runs inside `midge broker -- sh examples/hello.sh`: midge is on the PATH, and MQTT_URL, MQTT_HOST
# and MQTT_PORT say where the broker is.
set -eu
midge pub -t hello -m world -q 1 -r
midge sub -t hello -C 1 -q 1
