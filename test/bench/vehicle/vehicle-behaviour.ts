import type { Drive } from "./drive-cycle.ts";

/** Physical value of a signal, and how far noise moves it: in raw steps for an integer, in its unit for a float. */
export type Behaviour = readonly [physicalOf: (drive: Drive) => number, noise: number];

const WHEEL_NOISE = 1;

function shaken(d: Drive, phase: number): number {
  return Math.sin(d.seconds * 11 + phase) * Math.min(1, d.speedKph / 60);
}

function celsius(cold: number, warm: number): (d: Drive) => number {
  return (d) => cold + (warm - cold) * d.warmth;
}

function constant(value: number): Behaviour {
  return [() => value, 0];
}

function trackRange(index: number): Behaviour {
  return [(d) => 30 + index * 25 + 12 * Math.sin(d.seconds / (5 + index)), 2];
}

function trackRate(index: number): Behaviour {
  return [(d) => (12 / (5 + index)) * Math.cos(d.seconds / (5 + index)), 1];
}

function tyre(pressureBar: number): Behaviour {
  return [(d) => pressureBar + 0.25 * d.warmth, 1];
}

function cell(index: number): Behaviour {
  return [(d) => 3.72 - d.accelerationMps2 * 0.012 + index * 0.0011, 2];
}

/** Every signal of config/bench-vehicle.dbc but the counters, multiplexers and integers beyond 53 bits, by "Message.Signal". */
export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  "WheelSpeeds.WheelFrontLeft": [(d) => d.speedKph * (1 - d.steeringDeg * 0.0002), WHEEL_NOISE],
  "WheelSpeeds.WheelFrontRight": [(d) => d.speedKph * (1 + d.steeringDeg * 0.0002), WHEEL_NOISE],
  "WheelSpeeds.WheelRearLeft": [(d) => d.speedKph * (1 - d.steeringDeg * 0.0001), WHEEL_NOISE],
  "WheelSpeeds.WheelRearRight": [(d) => d.speedKph * (1 + d.steeringDeg * 0.0001), WHEEL_NOISE],
  "InertialAxes.AccelX": [(d) => d.accelerationMps2 + shaken(d, 0) * 0.2, 2],
  "InertialAxes.AccelY": [(d) => (d.speedKph / 3.6) * (d.yawRateDegPerS / 57.3) + shaken(d, 1) * 0.2, 2],
  "InertialAxes.AccelZ": [(d) => 9.81 + shaken(d, 2) * 0.6, 2],
  "InertialAxes.YawRate": [(d) => d.yawRateDegPerS, 1],
  "SteeringColumn.SteeringAngle": [(d) => d.steeringDeg, 1],
  "SteeringColumn.SteeringRate": [(d) => Math.cos(d.seconds / 7) * 0.9 + Math.cos(d.seconds / 2.3) * 0.7, 1],
  "SteeringColumn.SteeringTorque": [(d) => d.steeringDeg * 0.05, 2],
  "SteeringColumn.SteeringValid": constant(1),
  "MotorControl.TorqueRequest": [(d) => d.accelerationMps2 * 90 + d.speedKph * 0.4, 1],
  "MotorControl.TorqueActual": [(d) => d.accelerationMps2 * 88 + d.speedKph * 0.4, 2],
  "MotorControl.RotorSpeed": [(d) => d.speedKph * 78, 2],
  "MotorControl.MotorMode": [(d) => (d.brakePercent > 1 ? 3 : d.speedKph > 0.5 ? 2 : 1), 0],
  "MotorControl.MotorInhibit": constant(0),
  "EngineSpeed.EngineRpm": [(d) => d.engineRpm, 3],
  "EngineSpeed.ThrottlePosition": [(d) => d.throttlePercent, 1],
  "EngineSpeed.EngineTorque": [(d) => d.throttlePercent * 3.1 - d.brakePercent * 0.4, 2],
  "EngineSpeed.EngineRunning": constant(1),
  "EngineSpeed.EngineFault": constant(0),
  "BrakePressure.PressureFront": [(d) => d.brakePercent * 1.2, 1],
  "BrakePressure.PressureRear": [(d) => d.brakePercent * 0.8, 1],
  "BrakePressure.BrakePedal": [(d) => d.brakePercent, 0],
  "BrakePressure.AbsActive": [(d) => (d.brakePercent > 45 ? 1 : 0), 0],
  "VehicleSpeed.Speed": [(d) => d.speedKph, 2],
  "VehicleSpeed.Acceleration": [(d) => d.accelerationMps2, 1],
  "VehicleSpeed.Direction": [(d) => (d.speedKph > 0.1 ? 1 : 0), 0],
  "VehicleSpeed.Standstill": [(d) => (d.speedKph > 0.1 ? 0 : 1), 0],
  "VehicleSpeed.DistanceRolled": [(d) => d.distanceM % 3276, 0],
  "GearBox.Gear": [(d) => d.gear, 0],
  "GearBox.TargetGear": [(d) => Math.min(6, d.gear + (d.accelerationMps2 > 1.2 ? 1 : 0)), 0],
  "GearBox.InputSpeed": [(d) => d.engineRpm * 0.995, 3],
  "GearBox.OutputSpeed": [(d) => d.speedKph * 29, 2],
  "GearBox.Slip": [(d) => d.accelerationMps2 * 2, 1],
  "EngineController1.TorqueMode": [(d) => (d.throttlePercent > 5 ? 3 : 0), 0],
  "EngineController1.DriverDemandTorque": [(d) => d.throttlePercent * 0.9, 0],
  "EngineController1.ActualEngineTorque": [(d) => d.throttlePercent * 0.85, 1],
  "EngineController1.EngineSpeedFine": [(d) => d.engineRpm, 4],
  "EngineController2.KickDown": [(d) => (d.throttlePercent > 70 ? 1 : 0), 0],
  "EngineController2.IdleSwitch": [(d) => (d.throttlePercent < 1 ? 1 : 0), 0],
  "EngineController2.PedalPosition": [(d) => d.throttlePercent, 0],
  "EngineController2.EngineLoad": [(d) => 18 + d.throttlePercent * 0.8, 1],
  "BatteryPack.PackVoltage": [(d) => 357 - d.accelerationMps2 * 1.4, 1],
  "BatteryPack.PackCurrent": [(d) => d.accelerationMps2 * 60 + d.speedKph * 0.6, 3],
  "BatteryPack.StateOfCharge": [(d) => 40 + 45 * (1 - d.warmth), 0],
  "BatteryPack.PowerLimit": [(d) => 140 + 20 * d.warmth, 0],
  "ExhaustSensor.Lambda": [(d) => 1 + 0.03 * Math.sin(d.seconds * 2.1), 0.002],
  "ExhaustSensor.HeaterDuty": [(d) => 90 - 60 * d.warmth, 0],
  "InertialFusion.QuaternionW": [(d) => Math.cos(d.courseAngle / 2), 1e-5],
  "InertialFusion.QuaternionX": [(d) => shaken(d, 0) * 0.004, 1e-5],
  "InertialFusion.QuaternionY": [(d) => shaken(d, 1) * 0.004, 1e-5],
  "InertialFusion.QuaternionZ": [(d) => Math.sin(d.courseAngle / 2), 1e-5],
  "InertialFusion.GyroX": [(d) => shaken(d, 3) * 0.02, 1e-4],
  "InertialFusion.GyroY": [(d) => shaken(d, 4) * 0.02, 1e-4],
  "InertialFusion.GyroZ": [(d) => d.yawRateDegPerS / 57.3, 1e-4],
  "InertialFusion.Barometer": [(d) => 101_325 - 40 * Math.sin(d.courseAngle), 0.5],
  "InertialFusion.FusionStatus": constant(5),
  "CellVoltages.Cell01": cell(1),
  "CellVoltages.Cell02": cell(2),
  "CellVoltages.Cell03": cell(3),
  "CellVoltages.Cell04": cell(4),
  "CellVoltages.Cell05": cell(5),
  "CellVoltages.Cell06": cell(6),
  "CellVoltages.Cell07": cell(7),
  "CellVoltages.Cell08": cell(8),
  "CellVoltages.CellMinimum": constant(1),
  "CellVoltages.CellMaximum": constant(8),
  "CellVoltages.PackResistance": [(d) => 0.082 - 0.02 * d.warmth, 0],
  "SuspensionHeights.HeightFrontLeft": [(d) => shaken(d, 0) * 14 - d.accelerationMps2 * 3, 4],
  "SuspensionHeights.HeightFrontRight": [(d) => shaken(d, 1) * 14 - d.accelerationMps2 * 3, 4],
  "SuspensionHeights.HeightRearLeft": [(d) => shaken(d, 2) * 14 + d.accelerationMps2 * 3, 4],
  "SuspensionHeights.HeightRearRight": [(d) => shaken(d, 3) * 14 + d.accelerationMps2 * 3, 4],
  "ClimateControl.CabinTemperature": [celsius(8, 21.5), 0],
  "ClimateControl.BlowerDuty": [(d) => 80 - 45 * d.warmth, 0],
  "ClimateControl.CompressorOn": [(d) => (Math.sin(d.seconds / 20) > 0 ? 1 : 0), 0],
  "RadarTracks.Range0": trackRange(0),
  "RadarTracks.RangeRate0": trackRate(0),
  "RadarTracks.Range1": trackRange(1),
  "RadarTracks.RangeRate1": trackRate(1),
  "RadarTracks.Range2": trackRange(2),
  "RadarTracks.RangeRate2": trackRate(2),
  "RadarTracks.Range3": trackRange(3),
  "RadarTracks.RangeRate3": trackRate(3),
  "StabilityControl.YawTarget": [(d) => d.yawRateDegPerS * 0.98, 0],
  "StabilityControl.SlipAngle": [(d) => d.yawRateDegPerS * 0.15, 2],
  "StabilityControl.StabilityMode": constant(2),
  "FuelSystem.FuelLevel": [(d) => 72 - (d.distanceM / 1000) * 0.11, 0],
  "FuelSystem.FuelRate": [(d) => 0.8 + d.throttlePercent * 0.18, 3],
  "FuelSystem.FuelPressure": [(d) => 4.1 + d.throttlePercent * 0.002, 2],
  "FuelSystem.FuelTemperature": [celsius(12, 38), 0],
  "ExhaustGas.ExhaustTemperature": [(d) => 80 + d.warmth * 380 + d.throttlePercent * 1.5, 12],
  "ExhaustGas.CatalystTemperature": [celsius(60, 520), 6],
  "ExhaustGas.ExhaustFlow": [(d) => 15 + d.engineRpm * 0.05, 3],
  "TyreMonitor.TyrePressure0": tyre(2.3),
  "TyreMonitor.TyrePressure1": tyre(2.32),
  "TyreMonitor.TyrePressure2": tyre(2.5),
  "TyreMonitor.TyrePressure3": tyre(2.48),
  "Position.Latitude": [(d) => 52.07 + 0.018 * Math.sin(d.courseAngle), 1e-7],
  "Position.Longitude": [(d) => 4.31 + 0.029 * Math.cos(d.courseAngle), 1e-7],
  "Position.Altitude": [(d) => 24 + 6 * Math.sin(d.courseAngle), 0.05],
  "Position.Satellites": [(d) => 11 + Math.round(2 * Math.sin(d.seconds / 30)), 0],
  "Position.FixQuality": constant(4),
  "GroundTrack.Course": [(d) => (((d.courseAngle * 180) / Math.PI) % 360) * 0.99 + 1, 1],
  "GroundTrack.GroundSpeed": [(d) => d.speedKph, 1],
  "GroundTrack.ClimbRate": [(d) => (d.speedKph / 3.6) * 0.003 * Math.cos(d.courseAngle), 1],
  "EngineFluids.CoolantTemperature": [celsius(14, 91), 0],
  "EngineFluids.OilTemperature": [celsius(12, 104), 0],
  "EngineFluids.OilPressure": [(d) => 1.2 + d.engineRpm * 0.0011, 1],
  "EngineFluids.AmbientTemperature": [(d) => 11 + Math.sin(d.seconds / 90), 0],
  "BodyState.DoorFrontLeft": constant(0),
  "BodyState.DoorFrontRight": constant(0),
  "BodyState.HeadLights": [(d) => (Math.sin(d.seconds / 60) > 0.5 ? 2 : 1), 0],
  "BodyState.TurnIndicator": [(d) => (Math.sin(d.seconds / 9) > 0.9 ? 1 : 0), 0],
  "BodyState.WiperMode": [(d) => Math.max(0, Math.round(3 * Math.sin(d.seconds / 45))), 0],
  "BodyState.Brightness": [(d) => 55 + 30 * Math.sin(d.seconds / 40), 1],
  "EngineTemperature1.CoolantTemperatureFine": [celsius(14, 91), 2],
  "EngineTemperature1.FuelTemperatureFine": [celsius(12, 38), 0],
  "EngineTemperature1.OilTemperatureFine": [celsius(12, 104), 3],
  "ChargerState.ChargerVoltage": [() => 400, 1],
  "ChargerState.ChargerCurrent": [(d) => -d.brakePercent * 0.5, 1],
  "ChargerState.ChargerState": [(d) => (d.brakePercent > 1 ? 4 : 1), 0],
  "Odometer.TotalDistance": [(d) => 48_211.3 + d.distanceM / 1000, 0],
  "Odometer.TripDistance": [(d) => d.distanceM / 1000, 0],
  "DateTime.Hour": [(d) => Math.floor(8 + d.seconds / 3600) % 24, 0],
  "DateTime.Minute": [(d) => Math.floor(d.seconds / 60) % 60, 0],
  "DateTime.Second": [(d) => Math.floor(d.seconds) % 60, 0],
  "Diagnostics1.LampState0": constant(0),
  "Diagnostics1.FaultCount0": [(d) => Math.floor(d.seconds / 50) % 4, 0],
  "Diagnostics1.LampState1": constant(1),
  "Diagnostics1.FaultCount1": [(d) => Math.floor(d.seconds / 80) % 3, 0],
};
