variable "tokens" {}

resource "aws_launch_template" "nodes" {
  metadata_options {
    http_tokens = var.tokens
  }
}

resource "aws_eks_node_group" "nodes" {
  cluster_name = "shop"
  launch_template {
    id      = aws_launch_template.nodes.id
    version = 1
  }
}
