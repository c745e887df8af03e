# Machines that are no nodes.
resource "aws_launch_template" "ci" {
  metadata_options {
    http_tokens                 = "optional"
    http_put_response_hop_limit = 2
  }
}
