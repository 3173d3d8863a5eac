//! The MQTT devices' sessions with the broker, one each.

use super::Shared;
use hexad_hil::MqttSession;
use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, PublishOptions, QoS};
use std::time::Duration;

/// How often the devices are asked for what is due.
const LOOK: Duration = Duration::from_millis(100);

/// Connects every MQTT device and publishes what each has to say.
pub fn serve(shared: Shared, port: u16) {
    let sessions = shared.lock().mqtt_sessions();
    let mut clients = Vec::new();
    for session in sessions {
        let mut options = MqttOptions::new(format!("device-{}", session.device), ("127.0.0.1", port));
        options.set_keep_alive(10);
        if let Some((topic, payload)) = &session.will {
            options.set_last_will(LastWill::new(topic, payload.clone(), QoS::AtLeastOnce, true));
        }
        let (client, events) = AsyncClient::builder(options).capacity(256).build();
        clients.push((session.prefix.clone(), client.clone()));
        tokio::spawn(attend(shared.clone(), session, client, events));
    }
    tokio::spawn(publish(shared, clients));
}

/// Keeps one session alive and hands commands to the device.
async fn attend(shared: Shared, session: MqttSession, client: AsyncClient, mut events: EventLoop) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                if let Some(topic) = &session.command_topic {
                    let _ = client.try_subscribe(topic, QoS::AtLeastOnce);
                }
            }
            Ok(Event::Incoming(Packet::Publish(message))) => {
                if let Ok(topic) = std::str::from_utf8(&message.topic) {
                    shared.lock().mqtt_in(topic, &message.payload, message.retain);
                }
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

async fn publish(shared: Shared, clients: Vec<(String, AsyncClient)>) {
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tick.tick().await;
        let due = shared.lock().mqtt_out();
        for message in due {
            let owner = clients.iter().find(|(prefix, _)| {
                message.topic.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'))
            });
            if let Some((_, client)) = owner {
                // A full queue means a broker away; such devices drop what nobody takes.
                let options = PublishOptions::at_most_once().retain(message.retain);
                let _ = client.try_publish(message.topic, message.payload, options);
            }
        }
    }
}
