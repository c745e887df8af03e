resource "aws_launch_template" "nodes" {
  dynamic "metadata_options" {
    for_each = var.options
    content {
      http_tokens = metadata_options.value
    }
  }
}

resource "aws_eks_node_group" "nodes" {
  cluster_name = "shop"
  launch_template {
    id      = aws_launch_template.nodes.id
    version = 1
  }
}
