"""What the prediction function meets in tests."""

from tests.handlers.prediction import image_server, service

world, log = service.world, service.log
serve = image_server.serve
